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

export interface SweptRecord {
  readonly offset: number;
  readonly key: string;
  readonly text: string;
  readonly isTransactional: boolean;
}

export type Happening =
  | GroupHappening
  | TransactionHappening
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
  /** The bytes of a whole batch, as a reader got them. */
  | {
      readonly kind: "batch-read";
      readonly at: number;
      readonly reader: string;
      readonly partition: string;
      readonly baseOffset: number;
      readonly digest: number;
    }
  | {
      readonly kind: "watermark";
      readonly at: number;
      readonly observer: string;
      readonly partition: string;
      readonly highWatermark: number;
    }
  /** The partition's durable end at its leader: what no crash can take back. */
  | {
      readonly kind: "durable";
      readonly at: number;
      readonly partition: string;
      readonly nextOffset: number;
      readonly lastStableOffset: number;
    }
  /** A key was written again; with other bytes than it had? */
  | { readonly kind: "put-again"; readonly at: number; readonly key: string; readonly same: boolean }
  /** Inline records of a cell became an object. */
  | { readonly kind: "drained"; readonly at: number; readonly key: string }
  /** So many bytes a merger holds of a claim's inputs, or of one batch, and may hold `bytesMax`. */
  | {
      readonly kind: "merger-holds";
      readonly at: number;
      readonly key: string;
      readonly bytes: number;
      readonly bytesMax: number;
    }
  /** A broker asks for a range of an object; `isOnItsWay`: it had asked for all of these bytes already, and has no answer yet. */
  | {
      readonly kind: "get-sent";
      readonly at: number;
      readonly broker: number;
      readonly key: string;
      readonly start: number;
      readonly inFlight: number;
      readonly isOnItsWay: boolean;
    }
  /** A merger heard that its object is referred to by so many extents. */
  | { readonly kind: "merged"; readonly at: number; readonly key: string; readonly extents: number }
  /** The same of what was left of a partition's records. */
  | { readonly kind: "compacted"; readonly at: number; readonly key: string; readonly extents: number }
  /** A reader has gone through a whole log that ended at `highWatermark` when it began: what it saw. An empty text is a deletion. */
  | {
      readonly kind: "swept";
      readonly at: number;
      readonly reader: string;
      readonly partition: string;
      readonly beganAt: number;
      readonly highWatermark: number;
      readonly records: readonly SweptRecord[];
    }
  /** Long after the last fault a cell has something to merge, or merged objects of which half is read no more. */
  | { readonly kind: "unmerged"; readonly at: number; readonly cell: number; readonly bytes: number; readonly hollowBytes: number }
  /** At the end: an extent refers to the object up to `end`; `stored` is the object's size, if there is one. */
  | {
      readonly kind: "referenced";
      readonly at: number;
      readonly key: string;
      readonly end: number;
      readonly stored: number | undefined;
    }
  /** An object was deleted; did an extent refer to it at that moment? */
  | { readonly kind: "deleted"; readonly at: number; readonly key: string; readonly referenced: boolean }
  /** A log begins here from now on: what was below may be seen no more. */
  | { readonly kind: "start-moved"; readonly at: number; readonly partition: string; readonly offset: number }
  /** Long after the last change: an object that nothing refers to. */
  | { readonly kind: "left-behind"; readonly at: number; readonly key: string }
  /** Whatever ought to have come to its end and has not. */
  | { readonly kind: "stuck"; readonly at: number; readonly what: string };

/** A group as its rows tell, at the moment they rest, and as its members heard of it. */
export type GroupHappening =
  /** An accepted commit rests. `commit` is its name, unique in the run; `epoch` is what the member named as generation or epoch. */
  | {
      readonly kind: "offset-committed";
      readonly at: number;
      readonly partition: number;
      readonly commit: string;
      readonly member: string;
      readonly epoch: number;
    }
  | { readonly kind: "commit-acknowledged"; readonly at: number; readonly partition: number; readonly commit: string }
  /** Committed offsets are asked for; the answer has the same name. */
  | { readonly kind: "offsets-asked"; readonly at: number; readonly ask: string }
  | {
      readonly kind: "offsets-fetched";
      readonly at: number;
      readonly ask: string;
      readonly reader: string;
      /** The name of the commit that was found, empty without one. */
      readonly found: readonly { readonly partition: number; readonly commit: string }[];
    }
  /** From now on commits with a lower epoch are those of zombies: of this member, or of everybody in a classic group. */
  | { readonly kind: "epoch-told"; readonly at: number; readonly member: string | undefined; readonly epoch: number }
  | { readonly kind: "membership"; readonly at: number; readonly members: readonly string[] }
  /** A member of a classic group heard what it is assigned. */
  | {
      readonly kind: "assigned";
      readonly at: number;
      readonly owner: string;
      readonly generation: number;
      readonly partitions: readonly number[];
    }
  /** A member began to use partitions, or has stopped. */
  | { readonly kind: "owns" | "released"; readonly at: number; readonly member: string; readonly partitions: readonly number[] }
  /** A request or alarm was handled: what it wrote, and whether a look at the group shows a difference. */
  | { readonly kind: "handled"; readonly at: number; readonly what: string; readonly rows: number; readonly changed: boolean }
  /** Long after the last fault: each living member with its generation or epoch and what it owns. */
  | {
      readonly kind: "calmed";
      readonly at: number;
      readonly state: string;
      readonly partitions: number;
      readonly members: readonly { readonly name: string; readonly epoch: number; readonly owned: readonly number[] }[];
    };

/** A transaction as its producer and read_committed readers see it. `transaction` is its name, unique in the run. */
export type TransactionHappening =
  /** A batch of it was acknowledged. */
  | {
      readonly kind: "taken";
      readonly at: number;
      readonly transaction: string;
      readonly partition: string;
      readonly values: readonly string[];
      /** Of each value; nulls where nothing is compacted. */
      readonly keys: readonly (string | null)[];
      readonly baseOffset: number;
    }
  /** The producer asks for its end: from now on its records may be seen, if it is to be committed. */
  | { readonly kind: "ending"; readonly at: number; readonly transaction: string; readonly commit: boolean }
  /** What the producer knows of it in the end; nothing where it died, or where an answer was lost for good. */
  | { readonly kind: "ended"; readonly at: number; readonly transaction: string; readonly commit: boolean }
  /** A marker rests. */
  | {
      readonly kind: "marker";
      readonly at: number;
      readonly partition: string;
      readonly producerId: number;
      readonly generation: number;
    }
  | { readonly kind: "stable"; readonly at: number; readonly observer: string; readonly partition: string; readonly offset: number }
  /** A read_committed reader took a record for committed. */
  | {
      readonly kind: "read-committed";
      readonly at: number;
      readonly reader: string;
      readonly partition: string;
      readonly offset: number;
      /** Null where nothing is compacted. */
      readonly key: string | null;
      readonly value: string;
    };

export type History = readonly Happening[];

/** The log of each partition as a reader saw it after all had come to rest. */
export type FinalLogs = ReadonlyMap<string, readonly { readonly offset: number; readonly value: string }[]>;

/** Where each partition's log may begin at the latest: what lies below was let go. */
export function startsOf(history: History): ReadonlyMap<string, number> {
  const starts = new Map<string, number>();
  for (const event of history) {
    if (event.kind === "start-moved") starts.set(event.partition, Math.max(event.offset, starts.get(event.partition) ?? 0));
  }
  return starts;
}

/** What is known of each transaction: in doubt are those of which a commit was asked for and no answer was heard. */
export function decisionsOf(history: History): ReadonlyMap<string, "committed" | "aborted" | "in doubt"> {
  const decisions = new Map<string, "committed" | "aborted" | "in doubt">();
  for (const event of history) {
    if (event.kind === "ended") decisions.set(event.transaction, event.commit ? "committed" : "aborted");
    else if (event.kind === "ending" && event.commit) decisions.set(event.transaction, "in doubt");
    else if (event.kind === "taken" && !decisions.has(event.transaction)) decisions.set(event.transaction, "aborted");
  }
  return decisions;
}

/** Answers what is wrong, one line each; nothing when the rule holds. */
export type Checker = (history: History, finalLogs: FinalLogs) => readonly string[];
