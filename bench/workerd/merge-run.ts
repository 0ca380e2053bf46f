/** What bench/merge.ts asks of its worker. */
export interface MergeRun {
  readonly store: "disk" | "r2";
  /** `prepare` writes the objects, `bare` gets what a merge gets and puts as many bytes, `merge` is the product's own merge. */
  readonly operation: "prepare" | "bare" | "merge";
  readonly objects: number;
  readonly partitions: number;
  readonly batchBytes: number;
  readonly round: number;
}
