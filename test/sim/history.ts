/**
 * What happened in a run, as seen from outside (what clients sent, were told and read) and from the leader's durable journal. The
 * checkers judge nothing else.
 */
export interface SentBatch {
  readonly producer: string;
  readonly idempotent: boolean;
  readonly partition: string;
  /** The values of its records, unique in the run; the producer numbers them as it sends. */
  readonly values: readonly string[];
  /** Which connection carried it first. */
  readonly connection: number;
}

export type Happening =
  | { readonly kind: "sent"; readonly at: number; readonly batch: SentBatch }
  | { readonly kind: "acknowledged"; readonly at: number; readonly batch: SentBatch; readonly baseOffset: number }
  | {
      readonly kind: "read";
      readonly at: number;
      readonly reader: string;
      readonly partition: string;
      readonly offset: number;
      readonly value: string;
    }
  | {
      readonly kind: "watermark";
      readonly at: number;
      readonly observer: string;
      readonly partition: string;
      readonly highWatermark: number;
    }
  /** The partition's durable end at its leader: what no crash can take back. */
  | { readonly kind: "durable"; readonly at: number; readonly partition: string; readonly nextOffset: number }
  /** A key was written again; with other bytes than it had? */
  | { readonly kind: "put-again"; readonly at: number; readonly key: string; readonly same: boolean }
  /** Inline records of a cell became an object. */
  | { readonly kind: "drained"; readonly at: number; readonly key: string }
  /** At the end: an extent refers to the object up to `end`; `stored` is the object's size, if there is one. */
  | {
      readonly kind: "referenced";
      readonly at: number;
      readonly key: string;
      readonly end: number;
      readonly stored: number | undefined;
    }
  /** Whatever ought to have come to its end and has not. */
  | { readonly kind: "stuck"; readonly at: number; readonly what: string };

export type History = readonly Happening[];

/** The log of each partition as a reader saw it after all had come to rest. */
export type FinalLogs = ReadonlyMap<string, readonly { readonly offset: number; readonly value: string }[]>;

/** Answers what is wrong, one line each; nothing when the rule holds. */
export type Checker = (history: History, finalLogs: FinalLogs) => readonly string[];
