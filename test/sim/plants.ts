/**
 * Bugs that can be planted into a simulated cluster, each the kind of mistake that one checker is there for. Only the tests of the
 * checkers use them: a checker that has never fired proves nothing.
 */
export const plants = [
  "acknowledge-before-put",
  "lose-rows-on-crash",
  "skip-an-offset",
  "share-an-offset",
  "forget-sequences",
  "show-before-durable",
  "drain-before-durable",
  "swap-batches",
  "watermark-goes-back",
  "never-answer",
  "assign-twice",
  "release-too-early",
  "accept-zombies",
  "write-on-heartbeats",
  "take-late-batches",
  "mark-twice",
  "forget-aborted",
  "everything-is-stable",
  "stable-goes-back",
  "commit-in-one-cell",
  "leave-alarms",
  "merge-without-put",
  "merge-in-one-window",
  "merge-out-of-order",
  "reuse-merge-keys",
  "never-merge",
  "leave-hollow-objects",
  "compact-newest-away",
  "hold-whole-batches",
  "compact-what-was-aborted",
  "get-twice",
  "collect-without-fence",
  "collect-one-cell",
  "forget-to-delete",
] as const;

export type Plant = (typeof plants)[number];

export interface Planted {
  is(plant: Plant): boolean;
}

export function planted(plant: Plant | undefined): Planted {
  return { is: (candidate) => candidate === plant };
}
