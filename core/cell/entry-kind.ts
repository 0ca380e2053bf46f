/**
 * What a journal entry is, in its first number. New kinds get new numbers; a leader that meets one it does not know must not go on.
 * A transactional commit is a commit whose batches may begin transactions: other commits read as they always did.
 */
export const entryKind = {
  commit: 1,
  createPartitions: 2,
  deleteTopic: 3,
  deleteRecords: 4,
  drain: 5,
  transactionalCommit: 6,
  markers: 7,
  /** A time, and an entry of another kind that happened then. */
  at: 8,
  /** Partitions with all their settings. */
  partitions: 9,
  /** Broker epochs that are refused from now on. */
  fence: 10,
  /** Garbage that has been deleted. */
  collected: 11,
  /** The controller knows that write-ahead objects were released. */
  releaseTold: 12,
  /** The claim that was given away last will not be committed any more. */
  abandonedClaim: 13,
  /** A claim of a merge was given away: its number is used. */
  claim: 16,
  /** Extents that were merged. */
  merge: 17,
  /** Extents that were compacted. */
  compaction: 18,
} as const;
