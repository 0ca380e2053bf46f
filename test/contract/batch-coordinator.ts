/**
 * What every BatchCoordinator does, whoever leads the cell. Cases share no partitions and no brokers, so one coordinator that is slow
 * to make serves them all; `restart` loses all that is only in memory, as an eviction does.
 */
import * as fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { BatchCoordinator, Extent, FindResult, PartitionRef } from "../../core/coordinator.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { Chain, createTime, from, plain, resultsOf, short } from "./commits.ts";
import { checkAgainstModel, runArbitrary } from "./cell-run.ts";
import { newTopicId } from "./topic-ids.ts";
import { mergeContract } from "./merges.ts";
import { transactionContract } from "./transactions.ts";

export interface CoordinatorUnderTest {
  readonly coordinator: BatchCoordinator;
  restart(): Promise<void>;
  close?(): Promise<void>;
}

export interface ContractOptions {
  /** Lives of a whole cell to try, and the most steps of one. */
  readonly runs: number;
  readonly steps: number;
}

/** What the coordinator under test must be given: whatever was committed as an object is due for a merge at once. */
export const contractSettings = { "inline.bytes.max": 600_000, "merge.interval.ms": 0 } as const;

const slowMs = 120_000;
let lastBroker = 0;

export function batchCoordinatorContract(
  name: string,
  open: () => Promise<CoordinatorUnderTest>,
  { runs, steps }: ContractOptions,
): void {
  describe(`BatchCoordinator: ${name}`, { timeout: slowMs }, () => {
    let opened: CoordinatorUnderTest;
    let coordinator: BatchCoordinator;
    let topicId = "";
    let chain = new Chain();
    const at = (partition: number): PartitionRef => ({ topicId, partition });
    const find = async (partition: number, offset: number, maxBytes = 1e6): Promise<FindResult> =>
      (await coordinator.findBatches([{ ...at(partition), offset, maxBytes }])).results[0]!;

    beforeAll(async () => {
      opened = await open();
      coordinator = opened.coordinator;
    }, slowMs);
    afterAll(async () => opened?.close?.(), slowMs);
    beforeEach(async () => {
      topicId = newTopicId();
      lastBroker += 1;
      chain = new Chain(lastBroker);
      await coordinator.createPartitions([at(0), at(1), at(2)], createTime);
    }, slowMs);

    describe("offsets", () => {
      test("[I2] are gapless per partition over commits, batches, objects and inline, and none is given for an error", async () => {
        expect(
          short(
            await coordinator.commit(
              chain.object([
                [at(0), [plain(3), plain(1)]],
                [at(1), [plain(10)]],
              ]),
            ),
          ),
        ).toBe("o0 o3 o0");
        expect(
          short(
            await coordinator.commit(
              chain.inline([
                [at(0), [plain(2)]],
                [at(9), [plain(5)]],
                [at(1), [plain()]],
              ]),
            ),
          ),
        ).toBe("o4 e3 o10");
        await opened.restart();
        expect(
          short(
            await coordinator.commit(
              chain.object([
                [at(1), [plain(2 ** 31 - 1)]],
                [at(0), [plain()]],
              ]),
            ),
          ),
        ).toBe("o11 o6");
        expect((await find(0, 0)).bounds).toEqual({ logStartOffset: 0, highWatermark: 7, lastStableOffset: 7, leaderEpoch: 0 });
        expect((await find(1, 0)).bounds.highWatermark).toBe(11 + 2 ** 31 - 1);
        expect((await find(2, 0)).bounds.highWatermark).toBe(0);
      });

      test("results tell the log's start and leader epoch, and unknown partitions harm no others", async () => {
        await coordinator.commit(chain.object([[at(0), [plain(5)]]]));
        await coordinator.deleteRecords([{ ...at(0), beforeOffset: 2 }]);
        const results = resultsOf(
          await coordinator.commit(
            chain.object([
              [at(77), [plain()]],
              [at(0), [plain()]],
            ]),
          ),
        );
        const common = { duplicate: false, logAppendTimeMs: -1 };
        expect(results).toEqual([
          { ...common, errorCode: 3, baseOffset: -1, logStartOffset: -1, leaderEpoch: -1 },
          { ...common, errorCode: 0, baseOffset: 5, logStartOffset: 2, leaderEpoch: 0 },
        ]);
      });
    });

    describe("the chain of a broker's commits", () => {
      test("[I3] a commit that comes again gets the answer it had and changes nothing, also after a restart", async () => {
        const first = chain.inline([[at(0), [plain(2)]]]);
        const second = chain.object([[at(0), [plain()]]]);
        const answers = [await coordinator.commit(first), await coordinator.commit(second)];
        expect([await coordinator.commit(first), await coordinator.commit(second)]).toEqual(answers);
        await opened.restart();
        expect([await coordinator.commit(second), await coordinator.commit(first)]).toEqual(answers.toReversed());
        expect((await find(0, 0)).bounds.highWatermark).toBe(3);
      });

      test("[I3] commits that overtook each other are applied in their order", async () => {
        const [first, second, third] = [1, 2, 3].map((count) => chain.object([[at(0), [plain(count)]]]));
        expect(await coordinator.commit(third!)).toEqual({ kind: "ahead", expected: 1 });
        expect(short(await coordinator.commit(first!))).toBe("o0");
        expect(await coordinator.commit(third!)).toEqual({ kind: "ahead", expected: 2 });
        expect(short(await coordinator.commit(second!))).toBe("o1");
        expect(short(await coordinator.commit(third!))).toBe("o3");
      });

      test("[I3] the last 64 answers are remembered", async () => {
        const requests = Array.from({ length: 64 }, () => chain.object([[at(0), [plain()]]]));
        for (const request of requests) await coordinator.commit(request);
        await opened.restart();
        expect(short(await coordinator.commit(requests[0]!))).toBe("o0");
        expect(short(await coordinator.commit(requests[63]!))).toBe("o63");
      });

      test("[D12] a superseded epoch can commit nothing, not even its next number, and the new one begins at 1", async () => {
        const newer = new Chain(chain.brokerId, 5);
        await coordinator.commit(chain.object([[at(0), [plain()]]]));
        expect(await coordinator.commit({ ...chain.object([[at(0), [plain()]]]), brokerEpoch: 5 })).toEqual({
          kind: "ahead",
          expected: 1,
        });
        expect(short(await coordinator.commit(newer.object([[at(0), [plain()]]])))).toBe("o1");
        expect(await coordinator.commit(chain.object([[at(0), [plain()]]]))).toEqual({ kind: "fenced", brokerEpoch: 5 });
        await opened.restart();
        expect(await coordinator.commit(chain.object([[at(0), [plain()]]]))).toEqual({ kind: "fenced", brokerEpoch: 5 });
        expect((await find(0, 0)).bounds.highWatermark).toBe(2);
      });

      test("chains of several brokers know nothing of each other", async () => {
        lastBroker += 1;
        const other = new Chain(lastBroker);
        expect(short(await coordinator.commit(other.object([[at(0), [plain()]]])))).toBe("o0");
        expect(short(await coordinator.commit(chain.object([[at(0), [plain()]]])))).toBe("o1");
        expect(short(await coordinator.commit(other.object([[at(0), [plain()]]])))).toBe("o2");
      });

      test("a commit refused as inline-full has not taken its number: the same one again as an object is applied", async () => {
        const big = chain.inline([[at(0), [plain(1, { size: 400_000 })]]]);
        const bigger = chain.inline([[at(0), [plain(1, { size: 400_000 })]]]);
        expect(short(await coordinator.commit(big))).toBe("o0");
        expect(await coordinator.commit(bigger)).toEqual({ kind: "inline-full" });
        const asObject = { ...bigger, source: { kind: "object", sequence: 9, byteLength: 400_000 } } as const;
        expect(short(await coordinator.commit(asObject))).toBe("o1");
        await coordinator.deleteRecords([{ ...at(0), beforeOffset: 1 }]);
        expect(short(await coordinator.commit(chain.inline([[at(0), [plain(1, { size: 400_000 })]]])))).toBe("o2");
        await coordinator.deletePartitions(topicId);
      });
    });

    describe("idempotent producers", () => {
      const table: readonly (readonly [rule: string, batches: readonly ReturnType<typeof plain>[], answers: string])[] = [
        ["sequences go on", [from(1, 0, 3), from(1, 3), from(1, 4, 2)], "o0 o3 o4"],
        ["a duplicate gets the original's offset", [from(1, 0, 3), from(1, 3), from(1, 0, 3), from(1, 3)], "o0 o3 d0 d3"],
        [
          "the fifth last is remembered, the sixth is out of order",
          [0, 1, 2, 3, 4, 5, 1, 0].map((sequence) => from(1, sequence)),
          "o0 o1 o2 o3 o4 o5 d1 e45",
        ],
        ["a duplicate has the same count", [from(1, 0, 3), from(1, 0, 2)], "o0 e45"],
        ["a gap is refused and changes nothing", [from(1, 0), from(1, 2), from(1, 1)], "o0 e45 o1"],
        ["a lower epoch is refused", [from(1, 0, 1, 4), from(1, 0, 1, 3), from(1, 1, 1, 4)], "o0 e47 o1"],
        [
          "a higher epoch begins at 0",
          [from(1, 0), from(1, 1, 1, 1), from(1, 0, 1, 1), from(1, 1, 1, 1), from(1, 1)],
          "o0 e45 o1 o2 e47",
        ],
        [
          "the old epoch's batches are no duplicates of the new one's",
          [from(1, 0), from(1, 0, 1, 1), from(1, 0, 1, 1)],
          "o0 o1 d1",
        ],
        ["a producer nobody knows may begin anywhere", [from(1, 77), from(1, 78), from(1, 77)], "o0 o1 d0"],
        ["sequences wrap at a batch's end", [from(1, 2 ** 31 - 1), from(1, 0), from(1, 2 ** 31 - 1)], "o0 o1 d0"],
        ["sequences wrap inside a batch", [from(1, 2 ** 31 - 3, 5), from(1, 2), from(1, 2 ** 31 - 3, 5)], "o0 o5 d0"],
        ["producers do not mind each other", [from(1, 0), from(2, 5), from(1, 1), from(2, 6), plain()], "o0 o1 o2 o3 o4"],
      ];

      test.each(table)("[I3] %s, in one commit", async (_, batches, answers) => {
        expect(short(await coordinator.commit(chain.object([[at(0), batches]])))).toBe(answers);
      });

      test.each(table)("[I3] %s, a commit and a restart each", async (_, batches, answers) => {
        const got: string[] = [];
        for (const batch of batches) {
          got.push(short(await coordinator.commit(chain.inline([[at(0), [batch]]]))));
          await opened.restart();
        }
        expect(got.join(" ")).toBe(answers);
      });

      test("[I3] partitions keep their own account of a producer", async () => {
        expect(
          short(
            await coordinator.commit(
              chain.object([
                [at(0), [from(1, 0)]],
                [at(1), [from(1, 0)]],
                [at(0 + 2), [from(1, 9)]],
              ]),
            ),
          ),
        ).toBe("o0 o0 o0");
      });

      test("[I3] a duplicate that another broker delivers is recognised", async () => {
        lastBroker += 1;
        await coordinator.commit(chain.object([[at(0), [from(1, 0, 2)]]]));
        expect(short(await coordinator.commit(new Chain(lastBroker).inline([[at(0), [from(1, 0, 2)]]])))).toBe("d0");
        expect((await find(0, 0)).extents).toHaveLength(1);
      });
    });

    transactionContract(() => ({ coordinator, chain, topicId, restart: () => opened.restart() }));

    describe("findBatches", () => {
      test("[D7] adjacent batches of a partition in a commit are one extent, and what was refused lies in none", async () => {
        const request = chain.object([
          [at(1), [plain(1, { size: 50 })]],
          [at(0), [plain(2), plain(3, { maxTimestamp: 5000 }), from(1, 0), from(1, 5), plain(1)]],
        ]);
        await coordinator.commit(request);
        const key = `wal/${chain.brokerId}/1/101`;
        expect((await find(0, 0)).extents).toEqual([
          extent(0, 6, 300, 5000, { kind: "object", key, byteStart: 50 }),
          extent(6, 7, 100, 1000, { kind: "object", key, byteStart: 450 }),
        ]);
      });

      test("begins with the extent that contains the offset, gives it even when it is too large, and stops behind maxBytes", async () => {
        for (let count = 0; count < 5; count++) await coordinator.commit(chain.object([[at(0), [plain(10)]]]));
        const bases = async (offset: number, maxBytes: number) =>
          (await find(0, offset, maxBytes)).extents.map((found) => found.baseOffset);
        expect(await bases(0, 1)).toEqual([0]);
        expect(await bases(15, 1)).toEqual([10]);
        expect(await bases(15, 200)).toEqual([10, 20]);
        expect(await bases(19, 201)).toEqual([10, 20, 30]);
        expect(await bases(49, 1e6)).toEqual([40]);
        expect(await bases(50, 1e6)).toEqual([]);
      });

      test("inline bytes are in the answer as they came, each partition's own, also after a restart", async () => {
        const request = chain.inline([
          [at(0), [plain(1, { size: 3 })]],
          [at(1), [plain(1, { size: 4 })]],
        ]);
        (request.source as { records: Uint8Array }).records.set([1, 2, 3, 4, 5, 6, 7]);
        await coordinator.commit(request);
        for (const restart of [false, true]) {
          if (restart) await opened.restart();
          expect((await find(0, 0)).extents[0]!.source).toEqual({ kind: "inline", records: new Uint8Array([1, 2, 3]) });
          expect((await find(1, 0)).extents[0]!.source).toEqual({ kind: "inline", records: new Uint8Array([4, 5, 6, 7]) });
        }
      });

      test("an offset outside of the log is an error that tells the bounds; so is a partition nobody knows, which has none", async () => {
        await coordinator.commit(chain.object([[at(0), [plain(10)]]]));
        await coordinator.deleteRecords([{ ...at(0), beforeOffset: 4 }]);
        for (const offset of [-1, 3, 11]) {
          const { errorCode, bounds, extents } = await find(0, offset);
          expect([errorCode, bounds.logStartOffset, bounds.highWatermark, extents]).toEqual([
            errorCodes.OFFSET_OUT_OF_RANGE,
            4,
            10,
            [],
          ]);
        }
        expect((await find(0, 4)).extents.map(({ baseOffset }) => baseOffset)).toEqual([0]);
        expect((await find(5, 0)).errorCode).toBe(errorCodes.UNKNOWN_TOPIC_OR_PARTITION);
      });
    });

    describe("follow", () => {
      const now = async (): Promise<number> => (await coordinator.findBatches([])).cursor;

      test("[D10] answers at once with everything since the cursor, and that is what a look-up finds", async () => {
        const cursor = await now();
        await coordinator.commit(
          chain.object([
            [at(0), [plain(2)]],
            [at(1), [plain(), from(1, 0), from(1, 9), plain()]],
          ]),
        );
        await coordinator.commit(chain.inline([[at(0), [plain(3)]]]));
        const reply = await coordinator.follow(cursor, 1000);
        expect(reply.gap).toBe(false);
        expect(reply.cursor).toBe(await now());
        const appended = reply.updates.flatMap((update) => (update.kind === "appended" ? [update] : []));
        for (const partition of [0, 1]) {
          const own = appended.filter((update) => update.partition === partition);
          const found = await find(partition, 0);
          expect(own.map(({ extent: told }) => told)).toEqual(found.extents);
          expect(own.at(-1).bounds).toEqual(found.bounds);
        }
        expect(appended.map(({ bounds, extent: told }) => bounds.highWatermark >= told.nextOffset)).not.toContain(false);
      });

      test("[D10] waits for the next change, whatever its kind", async () => {
        const changes: readonly (readonly [kind: string, make: () => Promise<unknown>])[] = [
          ["appended", async () => await coordinator.commit(chain.object([[at(0), [plain()]]]))],
          ["bounds", async () => await coordinator.deleteRecords([{ ...at(0), beforeOffset: 1 }])],
          ["bounds", async () => await coordinator.createPartitions([at(3)], createTime)],
          ["deleted", async () => await coordinator.deletePartitions(topicId)],
        ];
        for (const [kind, make] of changes) {
          const waiting = coordinator.follow(await now(), 60_000);
          await make();
          const { updates, gap } = await waiting;
          expect([gap, updates[0]?.kind]).toEqual([false, kind]);
        }
      });

      test("[D10] several wait at once and all hear the same", async () => {
        const cursor = await now();
        const waiting = [1, 2, 3].map(() => coordinator.follow(cursor, 60_000));
        await coordinator.commit(chain.inline([[at(0), [plain()]]]));
        const [first, ...others] = await Promise.all(waiting);
        expect(first!.updates).toHaveLength(1);
        for (const other of others) expect(other).toEqual(first);
      });

      test("answers with nothing when the time is over", async () => {
        const cursor = await now();
        for (const maxWaitMs of [0, 1])
          expect(await coordinator.follow(cursor, maxWaitMs)).toEqual({ cursor, gap: false, updates: [] });
      });

      test("a cursor that the leader can no longer tell the changes since, or never gave, is a gap", async () => {
        const before = await now();
        await coordinator.commit(chain.object([[at(0), [plain()]]]));
        await opened.restart();
        const cursor = await now();
        expect(await coordinator.follow(before, 1000)).toEqual({ cursor, gap: true, updates: [] });
        expect(await coordinator.follow(cursor + 5, 1000)).toEqual({ cursor, gap: true, updates: [] });
      });
    });

    describe("listOffsets and epochEnds", () => {
      const list = async (spec: Parameters<BatchCoordinator["listOffsets"]>[0][number]["spec"]) =>
        (await coordinator.listOffsets([{ ...at(0), spec }]))[0]!;

      test("earliest and latest are the log's ends, times are answered with extents to look into", async () => {
        for (const maxTimestamp of [1000, 3000, 2000, 3000])
          await coordinator.commit(chain.object([[at(0), [plain(10, { maxTimestamp })]]]));
        const bases = async (timestamp: number) =>
          (await list({ kind: "timestamp", timestamp })).extents.map(({ baseOffset }) => baseOffset);
        expect((await list({ kind: "latest", readCommitted: false })).offset).toBe(40);
        expect((await list({ kind: "latest", readCommitted: true })).offset).toBe(40);
        expect([await bases(0), await bases(1001), await bases(3000), await bases(3001)]).toEqual([[0], [10], [10], []]);
        expect((await list({ kind: "max-timestamp" })).extents.map(({ baseOffset }) => baseOffset)).toEqual([10]);
        await coordinator.deleteRecords([{ ...at(0), beforeOffset: 15 }]);
        expect((await list({ kind: "earliest" })).offset).toBe(15);
        // The record may lie below the start, so the next extent goes along.
        expect([await bases(0), await bases(2500)]).toEqual([
          [10, 20],
          [10, 30],
        ]);
        expect((await list({ kind: "max-timestamp" })).extents.map(({ baseOffset }) => baseOffset)).toEqual([10, 30]);
      });

      test("an empty partition has no times; an unknown one is an error", async () => {
        expect(await list({ kind: "max-timestamp" })).toMatchObject({ errorCode: 0, offset: -1, extents: [], leaderEpoch: 0 });
        const [answer] = await coordinator.listOffsets([{ ...at(8), spec: { kind: "earliest" } }]);
        expect(answer).toMatchObject({ errorCode: 3, offset: -1, leaderEpoch: -1 });
      });

      test("the current epoch ends at the log's end, a later one is undefined", async () => {
        await coordinator.commit(chain.object([[at(0), [plain(4)]]]));
        const answers = await coordinator.epochEnds([0, 1].map((leaderEpoch) => ({ ...at(0), leaderEpoch })));
        expect(answers.map(({ errorCode, leaderEpoch, endOffset }) => [errorCode, leaderEpoch, endOffset])).toEqual([
          [0, 0, 4],
          [0, -1, -1],
        ]);
        expect((await coordinator.epochEnds([{ ...at(8), leaderEpoch: 0 }]))[0]!.errorCode).toBe(3);
      });
    });

    describe("partitions", () => {
      test("creating and deleting may be repeated, and neither touches others", async () => {
        await coordinator.commit(chain.object([[at(0), [plain(4)]]]));
        await coordinator.createPartitions([at(0), at(4), at(4)], createTime);
        expect((await find(0, 0)).bounds.highWatermark).toBe(4);
        const gone = topicId;
        await coordinator.deletePartitions(gone);
        await coordinator.deletePartitions(gone);
        await opened.restart();
        expect((await find(0, 0)).errorCode).toBe(3);
        expect(short(await coordinator.commit(chain.object([[at(4), [plain()]]])))).toBe("e3");
        topicId = newTopicId();
        await coordinator.createPartitions([at(0)], createTime);
        expect(short(await coordinator.commit(chain.object([[at(0), [plain()]]])))).toBe("o0");
      });

      test("[I2] deleteRecords moves the start forward only, to the high watermark at most", async () => {
        await coordinator.commit(
          chain.object([
            [at(0), [plain(10)]],
            [at(1), [plain(10)]],
          ]),
        );
        const answers = await coordinator.deleteRecords([
          { ...at(0), beforeOffset: 7 },
          { ...at(0), beforeOffset: 3 },
          { ...at(1), beforeOffset: -1 },
          { ...at(2), beforeOffset: 1 },
          { ...at(5), beforeOffset: 0 },
          { ...at(1), beforeOffset: -2 },
        ]);
        expect(answers.map(({ errorCode }) => errorCode)).toEqual([0, 0, 0, 1, 3, 1]);
        await opened.restart();
        const starts = async () => [(await find(0, 10)).bounds.logStartOffset, (await find(1, 10)).bounds.logStartOffset];
        expect(await starts()).toEqual([7, 10]);
        expect(await coordinator.deleteRecords([{ ...at(0), beforeOffset: 5 }])).toEqual([{ errorCode: 0, logStartOffset: 7 }]);
        expect(short(await coordinator.commit(chain.object([[at(1), [plain()]]])))).toBe("o10");
        expect((await find(1, 10)).extents.map(({ baseOffset }) => baseOffset)).toEqual([10]);
      });
    });

    describe("merges", () => mergeContract(() => ({ ...opened, chain, at, find })));

    test("[I2] [I3] [I7] whatever brokers send, lose, repeat and reorder, with restarts in between, a plain model says the same", async () => {
      await fc.assert(
        fc.asyncProperty(runArbitrary(steps), async (run) => {
          lastBroker += 10;
          await checkAgainstModel(opened, run, { topicId: newTopicId(), firstBroker: lastBroker });
        }),
        { numRuns: runs },
      );
      lastBroker += 10;
    });
  });
}

function extent(
  baseOffset: number,
  nextOffset: number,
  byteLength: number,
  maxTimestamp: number,
  source: Extent["source"],
): Extent {
  return { baseOffset, nextOffset, byteLength, maxTimestamp, leaderEpoch: 0, source };
}
