/** What applying a row did to partitions, as followers hear of it: nothing in it changes when they do. */
import type { AbortedTransaction, PartitionBounds, PartitionRef } from "../coordinator.ts";
import type { StoredExtent } from "./extent-log.ts";
import type { Source } from "./sources.ts";

export interface AppendedExtent {
  readonly ref: PartitionRef;
  /** Where the log ended with this extent, though it may have grown again in the same row. */
  readonly bounds: PartitionBounds;
  readonly extent: StoredExtent;
  /** What the extent, a marker, aborted. */
  readonly aborted: AbortedTransaction | undefined;
}

export interface Applied {
  /** Where the bytes of all of `appended` lie. */
  readonly source: Source;
  readonly appended: readonly AppendedExtent[];
}
