/** What applying a journal entry did, for those who must hear of it: the caller of the commit, and followers. */
import type { StoredExtent } from "./extent-log.ts";
import type { PartitionLog } from "./partition-log.ts";

export interface AppendedExtent {
  readonly log: PartitionLog;
  readonly extent: StoredExtent;
}
