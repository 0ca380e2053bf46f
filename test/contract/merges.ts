/** What every BatchCoordinator does about merges (D11): claims, what moves when they are committed, and what becomes of those that are not. */
import { beforeEach, expect, test } from "vitest";
import type { BatchCoordinator, FindResult, MergeClaim, PartitionRef } from "../../core/coordinator.ts";
import { plain, type Chain } from "./commits.ts";

/** As the case has it: a topic of its own with three partitions, and a broker's chain. */
export interface MergeCase {
  readonly coordinator: BatchCoordinator;
  readonly chain: Chain;
  restart(): Promise<void>;
  at(partition: number): PartitionRef;
  find(partition: number, offset: number): Promise<FindResult>;
}

const slowMs = 120_000;

export function mergeContract(subject: () => MergeCase): void {
  const claimed = async (): Promise<MergeClaim> => {
    const reply = await subject().coordinator.claimMerge();
    if (reply.kind !== "claimed") throw new Error(`nothing was claimed: ${reply.kind}`);
    return reply.claim;
  };
  /** Other cases have left what they committed. */
  const mergeAll = async (): Promise<void> => {
    for (
      let reply = await subject().coordinator.claimMerge();
      reply.kind === "claimed";
      reply = await subject().coordinator.claimMerge()
    ) {
      expect((await subject().coordinator.commitMerge(reply.claim.number)).kind).toBe("committed");
    }
  };
  const places = async (partition: number) =>
    (await subject().find(partition, 0)).extents.map(({ source, baseOffset, nextOffset, byteLength }) => {
      const place = source.kind === "object" ? `${source.key}@${source.byteStart}` : "inline";
      return [baseOffset, nextOffset, byteLength, place];
    });
  beforeEach(async () => {
    await mergeAll();
    for (let count = 0; count < 3; count++) {
      await subject().coordinator.commit(
        subject().chain.object([
          [subject().at(0), [plain(2)]],
          [subject().at(1), [plain(), plain()]],
        ]),
      );
    }
  }, slowMs);

  test("[D11] [I5] inputs come in the order of the object to be, and once it rests neighbours are one extent there", async () => {
    const bounds = (await subject().find(0, 0)).bounds;
    const { number, key, inputs } = await claimed();
    expect(
      inputs.map(({ partition, baseOffset, nextOffset, byteStart }) => [partition, baseOffset, nextOffset, byteStart]),
    ).toEqual([
      [0, 0, 2, 0],
      [0, 2, 4, 0],
      [0, 4, 6, 0],
      [1, 0, 2, 100],
      [1, 2, 4, 100],
      [1, 4, 6, 100],
    ]);
    expect(await subject().coordinator.claimMerge()).toMatchObject({ kind: "busy" });
    expect(await subject().coordinator.commitMerge(number)).toEqual({ kind: "committed", extents: 2 });
    const merged = [[[0, 6, 300, `${key}@0`]], [[0, 6, 600, `${key}@300`]]];
    expect([await places(0), await places(1)]).toEqual(merged);
    await subject().restart();
    expect([await places(0), await places(1)]).toEqual(merged);
    expect((await subject().find(0, 0)).bounds).toEqual(bounds);
    expect(await subject().coordinator.claimMerge()).toEqual({ kind: "nothing" });
  });

  test("[D11] [I7] a claim that was committed, given back or lost with its leader can be committed no more, and its key is never given again", async () => {
    const before = await places(0);
    const given = await claimed();
    await subject().coordinator.releaseMerge({ number: given.number, damaged: [] });
    expect(await subject().coordinator.commitMerge(given.number)).toEqual({ kind: "lost" });
    const lost = await claimed();
    await subject().restart();
    expect(await subject().coordinator.commitMerge(lost.number)).toEqual({ kind: "lost" });
    expect(await places(0)).toEqual(before);
    const last = await claimed();
    expect(last.inputs).toEqual(given.inputs);
    expect(new Set([given.key, lost.key, last.key]).size).toBe(3);
    expect((await subject().coordinator.commitMerge(last.number)).kind).toBe("committed");
    expect(await subject().coordinator.commitMerge(last.number)).toEqual({ kind: "lost" });
  });

  test("[D11] [I5] what was deleted since the claim stays deleted", async () => {
    const { number, key } = await claimed();
    await subject().coordinator.deleteRecords([{ ...subject().at(0), beforeOffset: 3 }]);
    await subject().coordinator.commit(subject().chain.object([[subject().at(0), [plain()]]]));
    await subject().coordinator.deleteRecords([{ ...subject().at(1), beforeOffset: -1 }]);
    expect(await subject().coordinator.commitMerge(number)).toEqual({ kind: "committed", extents: 1 });
    const { bounds, extents } = await subject().find(0, 3);
    expect([bounds.logStartOffset, bounds.highWatermark]).toEqual([3, 7]);
    expect(extents.map(({ baseOffset, nextOffset, source }) => [baseOffset, nextOffset, source])).toMatchObject([
      [2, 6, { key, byteStart: 100 }],
      [6, 7, { byteStart: 0 }],
    ]);
    expect((await subject().find(1, 6)).extents).toEqual([]);
  });

  test("[D11] objects that are damaged are claimed no more, others are", async () => {
    const { number, inputs } = await claimed();
    const damaged = inputs[1]!.key;
    await subject().coordinator.releaseMerge({ number, damaged: [damaged] });
    const again = await claimed();
    expect(again.inputs).toEqual(inputs.filter(({ key }) => key !== damaged));
    expect(await subject().coordinator.commitMerge(again.number)).toEqual({ kind: "committed", extents: 4 });
    expect(await subject().coordinator.claimMerge()).toEqual({ kind: "nothing" });
  });
}
