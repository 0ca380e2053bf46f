/**
 * What clients of a real server did, were told and read, one line of JSON each, in the order in which it happened to them. The rules
 * judge nothing else, so a history that was kept can be judged again. Every value is unique in its run.
 */
export type Happening = { readonly at: number } &
  /** About to be sent. Values of one stream keep their order within a partition. */
  (
    | {
        readonly kind: "sent";
        readonly value: string;
        readonly partition: string;
        readonly stream: string;
        readonly transaction?: string;
      }
    | { readonly kind: "acknowledged"; readonly value: string; readonly offset: number }
    /** The producer asks for the end: from here on the records may be seen, if it is to be committed. */
    | { readonly kind: "ending"; readonly transaction: string; readonly commit: boolean }
    /** The producer was told how it ended. There is no such line where it died before, or where an answer was lost for good. */
    | { readonly kind: "ended"; readonly transaction: string; readonly commit: boolean }
    /** The transaction takes the group on to this offset of the source. */
    | {
        readonly kind: "moved";
        readonly transaction: string;
        readonly group: string;
        readonly partition: string;
        readonly offset: number;
      }
    /** A reader that sees every batch was given a record. */
    | Observed<"read">
    /** A member of a group was given a record, perhaps once more after a rebalance. */
    | Observed<"delivered">
    /** A reader that sees every batch passed over one: a marker, or records of a transaction that its answer said was aborted. */
    | {
        readonly kind: "passed";
        readonly reader: string;
        readonly partition: string;
        readonly offset: number;
        readonly count: number;
      }
    /** The partition's last stable offset and high watermark, as a broker told them. Others may know of less at the same time. */
    | {
        readonly kind: "bounds";
        readonly reader: string;
        readonly broker: number;
        readonly partition: string;
        readonly stable: number;
        readonly high: number;
      }
    /** Where the group stands in the end. */
    | { readonly kind: "group-stands"; readonly group: string; readonly partition: string; readonly offset: number }
    | { readonly kind: "fault"; readonly what: string }
    /** Something that ought to have come to its end and has not. */
    | { readonly kind: "stuck"; readonly what: string }
  );

interface Observed<Kind> {
  readonly kind: Kind;
  readonly reader: string;
  readonly isolation: Isolation;
  readonly partition: string;
  readonly offset: number;
  readonly value: string;
}

export type Isolation = "read_committed" | "read_uncommitted";
export type History = readonly Happening[];

/** Readers of these names read everything once more when all has come to rest. */
export const lastReader: Readonly<Record<Isolation, string>> = {
  read_committed: "last, read_committed",
  read_uncommitted: "last, read_uncommitted",
};

/** What a consume-transform-produce loop makes of a value: again in another transaction when one was aborted. */
export function resultOf(group: string, value: string, transaction: string): string {
  return `${group}(${value})~${transaction}`;
}

export function withoutTransaction(result: string): string {
  return result.replace(/~[^~]*$/, "");
}

export function toLines(history: History): string {
  return history.map((happening) => `${JSON.stringify(happening)}\n`).join("");
}

export function fromLines(text: string): History {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Happening);
}
