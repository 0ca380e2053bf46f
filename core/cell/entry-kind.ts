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
} as const;
