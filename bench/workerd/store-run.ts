/** What bench/storage.ts asks of the worker beside this file; apart from both because they live in different runtimes. */
export interface StoreRun {
  readonly store: "r2" | "disk";
  readonly operation: "put" | "get" | "delete";
  /** Names the objects: a get reads what a put of the same run name wrote. */
  readonly name: string;
  readonly count: number;
  readonly byteLength: number;
  /** Calls under way at once. */
  readonly lanes: number;
}
