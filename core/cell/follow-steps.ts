/** What followers hear of a row: made when it is applied, spelled out when somebody asks (follow-ring.ts). */
import type { FollowUpdate } from "../coordinator.ts";
import type { Applied } from "./applied.ts";
import { extentOf } from "./cell-reads.ts";
import type { Step } from "./follow-ring.ts";

export function stepOf(updates: readonly FollowUpdate[]): Step {
  return { updateCount: updates.length, inlineBytes: 0, updates: () => updates };
}

/** Holds the row's records: followers get them with the push (D10). */
export function stepOfAppends({ appended, source }: Applied, inline: Uint8Array | undefined, cell: number): Step {
  return {
    updateCount: appended.count,
    inlineBytes: inline?.length ?? 0,
    updates: () =>
      Array.from({ length: appended.count }, (_, index) => {
        const { topicId, partition } = appended.ref(index);
        const bounds = appended.bounds(index);
        const aborted = appended.aborted(index);
        const extent = extentOf(appended.extent(index), bounds.leaderEpoch, source, cell, () => inline!);
        return { kind: "appended" as const, topicId, partition, extent, bounds, ...(aborted && { aborted }) };
      }),
  };
}
