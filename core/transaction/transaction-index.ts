/**
 * The list of a cluster's transactional ids, for ListTransactions: names only. As with groups, an id enters the list before its first
 * row is written and leaves it after the last is gone, so the list may name one too many, never miss one.
 */
export interface TransactionIndex {
  /** Both may be repeated. */
  registerTransaction(transactionalId: string): Promise<void>;
  unregisterTransaction(transactionalId: string): Promise<void>;
  transactions(): Promise<readonly string[]>;
}
