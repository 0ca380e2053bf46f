/** Where a group's offsets would go: what a reset means for each partition, within its log. What is shown is what is then committed. */
import type { TopicPartition } from "../../client/client.ts";

export type ResetTarget =
  | { readonly kind: "earliest" | "latest" }
  | { readonly kind: "offset"; readonly offset: number }
  | { readonly kind: "shift"; readonly by: number }
  /** `found` answers for each partition, in order; −1 where the log has nothing so young. */
  | { readonly kind: "time"; readonly found: readonly number[] };

export interface GroupPartition extends TopicPartition {
  /** Undefined: nothing was committed. */
  readonly committed: number | undefined;
  readonly start: number;
  readonly end: number;
}

export interface PlannedReset extends GroupPartition {
  readonly to: number;
}

export function planReset(partitions: readonly GroupPartition[], target: ResetTarget): readonly PlannedReset[] {
  return partitions.map((partition, index) => {
    const wanted = wantedOf(partition, target, index);
    return { ...partition, to: Math.min(partition.end, Math.max(partition.start, wanted)) };
  });
}

function wantedOf({ start, end, committed }: GroupPartition, target: ResetTarget, index: number): number {
  switch (target.kind) {
    case "earliest":
      return start;
    case "latest":
      return end;
    case "offset":
      return target.offset;
    case "shift":
      return (committed ?? start) + target.by;
    case "time": {
      const found = target.found[index] ?? -1;
      return found < 0 ? end : found;
    }
  }
}

export function lagOf({ committed, start, end }: GroupPartition): number {
  return Math.max(0, end - Math.max(start, committed ?? start));
}
