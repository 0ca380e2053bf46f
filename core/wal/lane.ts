/**
 * What lies in a broker's write-ahead buffer, as plain state: appends on their way, the lanes in which they keep their order, and the
 * parts that lanes are put together to.
 */
import type { AppendItem, AppendOutcome } from "../broker/interface.ts";

/** One append on its way; answered when nothing remains. */
export interface PendingAppend {
  readonly id: number;
  readonly byteLength: number;
  readonly items: readonly AppendItem[];
  readonly outcomes: AppendOutcome[];
  remaining: number;
}

export interface BufferedItem {
  readonly append: PendingAppend;
  readonly index: number;
  readonly item: AppendItem;
  readonly lane: Lane;
}

export interface Lane {
  readonly topicId: string;
  readonly partition: number;
  /** Parts of uploads whose commit has not been sent, in order of arrival. */
  readonly unsent: Part[];
  bufferedBytes: number;
  /** Used while a part is formed. */
  taking: BufferedItem[] | undefined;
}

export interface PartEntry {
  readonly lane: Lane;
  readonly items: readonly BufferedItem[];
  readonly byteLength: number;
}

export interface Part {
  readonly cell: number;
  readonly entries: readonly PartEntry[];
  readonly byteLength: number;
  /** Lanes in which an earlier part has not been sent. */
  blockers: number;
}
