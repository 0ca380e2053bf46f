/** Where bytes lie, as it is told: to the byte, in offset order, and never more than was asked for. */
import { describe, expect, test } from "vitest";
import type { Cell } from "../../../core/cell/cell.ts";
import type { ExtentRun, PartitionExtents } from "../../../core/cell/extent-runs.ts";
import { MemoryCoordinator } from "../../../core/cell/memory-coordinator.ts";
import type { PartitionRef } from "../../../core/coordinator.ts";

const topicId = "1f2e3d4c-0000-4000-8000-000000000001";
const ref = { topicId, partition: 0 };

async function written(ways: readonly ("inline" | "object")[]): Promise<MemoryCoordinator> {
  const coordinator = new MemoryCoordinator();
  await coordinator.createPartitions([ref], { timestampType: "CreateTime" });
  for (const [index, way] of ways.entries()) {
    const size = 100 + index;
    const batch = { size, offsetCount: 10, attributes: 0, maxTimestamp: 5, producerId: -1, producerEpoch: -1, baseSequence: -1 };
    const source =
      way === "object"
        ? ({ kind: "object", sequence: index + 1, byteLength: size } as const)
        : ({ kind: "inline", records: new Uint8Array(size) } as const);
    const entries = [{ ...ref, byteStart: 0, batches: [batch] }];
    const reply = await coordinator.commit({ brokerId: 0, brokerEpoch: 1, number: index + 1, source, entries });
    expect(reply.kind).toBe("committed");
  }
  return coordinator;
}

function described(
  cell: Cell,
  refs: readonly PartitionRef[],
  runs: number,
  extentsPerStep = Infinity,
): readonly PartitionExtents[] {
  const walk = cell.walkExtents(refs, runs);
  for (;;) {
    const found = walk.step(extentsPerStep);
    if (found !== undefined) return found;
  }
}

function told({ baseOffset, nextOffset, extents, bytes }: ExtentRun): readonly number[] {
  return [baseOffset, nextOffset, extents, bytes.inline, bytes.wal];
}

describe("extents of a partition", () => {
  test("are told one by one while they are few", async () => {
    const { cell } = await written(["inline", "object", "inline"]);
    const [partition] = described(cell, [ref], 10);
    expect(partition).toMatchObject({ partition: 0, logStartOffset: 0, endOffset: 30 });
    expect(partition!.runs.map(told)).toEqual([
      [0, 10, 1, 100, 0],
      [10, 20, 1, 0, 101],
      [20, 30, 1, 102, 0],
    ]);
  });

  test("are taken together where they are many, with nothing left out", async () => {
    const { cell } = await written(["inline", "object", "object", "inline", "inline"]);
    const [partition] = described(cell, [ref], 2);
    expect(partition!.runs.map(told)).toEqual([
      [0, 30, 3, 100, 203],
      [30, 50, 2, 207, 0],
    ]);
    expect(cell.storedBytes()).toEqual({ inline: 307, wal: 203, merged: 0, segment: 0 });
  });

  test("are told alike, however small the steps are that they are gone through in", async () => {
    const { cell } = await written(["inline", "object", "object", "inline", "inline", "object", "inline"]);
    for (const runs of [1, 2, 3, 10]) {
      const atOnce = described(cell, [ref, { ...ref, partition: 7 }], runs);
      expect(atOnce[0]!.runs.reduce((sum, { extents }) => sum + extents, 0)).toBe(7);
      for (const extents of [1, 2, 3, 7]) expect(described(cell, [ref, { ...ref, partition: 7 }], runs, extents)).toEqual(atOnce);
    }
    const walk = cell.walkExtents([ref], 10);
    expect([walk.step(3), walk.step(3), walk.step(1)?.length]).toEqual([undefined, undefined, 1]);
  });

  test("of a topic that goes away between two steps are left out", async () => {
    const { cell, deletePartitions } = await written(["inline", "object"]).then((coordinator) => ({
      cell: coordinator.cell,
      deletePartitions: async () => await coordinator.deletePartitions(topicId),
    }));
    const walk = cell.walkExtents([ref], 10);
    expect(walk.step(1)).toBeUndefined();
    await deletePartitions();
    expect(walk.step(1)).toEqual([]);
  });

  test("of a hostile number of runs are no more than that, and one at least", async () => {
    const { cell } = await written(["object", "object"]);
    for (const runs of [0, -5, Number.NaN]) expect(described(cell, [ref], runs)[0]!.runs).toHaveLength(1);
    expect(described(cell, [ref], Infinity)[0]!.runs).toHaveLength(2);
  });

  test("of an empty log are none, and of a partition that is not there nothing is told", async () => {
    const { cell } = await written([]);
    expect(described(cell, [ref, { ...ref, partition: 7 }], 10)).toEqual([
      { partition: 0, logStartOffset: 0, endOffset: 0, runs: [] },
    ]);
  });
});
