/** What applying a commit did to a partition, as followers hear of it: nothing in it changes when the partition does. */
import type { PartitionRef } from "../coordinator.ts";
import type { StoredExtent } from "./extent-log.ts";

export interface AppendedExtent {
  readonly ref: PartitionRef;
  readonly logStartOffset: number;
  readonly leaderEpoch: number;
  readonly extent: StoredExtent;
}
