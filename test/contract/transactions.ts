/** What every BatchCoordinator does with transactions: numbers, markers, what is stable and what was aborted. */
import { describe, expect, test, beforeEach } from "vitest";
import type { BatchCoordinator, FindResult, PartitionRef } from "../../core/coordinator.ts";
import { createTime, ends, from, plain, short, within, type Chain } from "./commits.ts";
import { newTopicId } from "./topic-ids.ts";

export interface TransactionSubject {
  readonly coordinator: BatchCoordinator;
  readonly chain: Chain;
  /** Has the partitions 0, 1 and 2. */
  readonly topicId: string;
  readonly restart: () => Promise<void>;
}

/** `subject`: that of the case that is about to run. */
export function transactionContract(subject: () => TransactionSubject): void {
  describe("transactions", () => {
    let coordinator: BatchCoordinator;
    let chain: Chain;
    let topicId = "";
    let restart: () => Promise<void>;
    const at = (partition: number): PartitionRef => ({ topicId, partition });
    const find = async (partition: number, offset: number, maxBytes = 1e6): Promise<FindResult> =>
      (await coordinator.findBatches([{ ...at(partition), offset, maxBytes }])).results[0]!;
    beforeEach(() => {
      ({ coordinator, chain, topicId, restart } = subject());
    });

    const marked = async (...requests: readonly ReturnType<typeof ends>[]) => await coordinator.writeMarkers(requests);
    const send = async (...batches: readonly ReturnType<typeof plain>[]) =>
      short(await coordinator.commit(chain.inline([[at(0), batches]])));
    const stable = async () => (await find(0, 0)).bounds.lastStableOffset;

    /** `c` commits, `a` aborts. */
    const table: readonly (readonly [rule: string, steps: readonly (readonly ["send" | "c" | "a", unknown])[], answers: string])[] =
      [
        [
          "all batches of a transaction name it",
          [
            ["send", within(1, 7, 0)],
            ["send", within(1, 7, 1)],
            ["send", within(2, 7, 2)],
          ],
          "o0 o1 e48",
        ],
        [
          "while one is open nothing else of its producer is taken",
          [
            ["send", within(1, 7, 0)],
            ["send", from(7, 1)],
            ["send", from(8, 1)],
          ],
          "o0 e48 o1",
        ],
        [
          "what comes after the end is refused, however it ended",
          [
            ["send", within(1, 7, 0)],
            ["c", ends(1, 7, [])],
            ["send", within(1, 7, 1)],
          ],
          "o0 0 e48",
        ],
        [
          "even where nothing had come before it",
          [
            ["a", ends(1, 7, [])],
            ["send", within(1, 7, 0)],
            ["send", within(2, 7, 0)],
          ],
          "0 e48 o1",
        ],
        [
          "even its duplicate",
          [
            ["send", within(1, 7, 0)],
            ["a", ends(1, 7, [])],
            ["send", within(1, 7, 0)],
          ],
          "o0 0 e48",
        ],
        [
          "sequences go on in the next one, under the same epoch",
          [
            ["send", within(1, 7, 0)],
            ["c", ends(1, 7, [])],
            ["send", within(2, 7, 1)],
            ["send", within(2, 7, 1)],
          ],
          "o0 0 o2 d2",
        ],
        [
          "a marker of the next epoch fences the one before and sequences begin anew",
          [
            ["send", within(1, 7, 0)],
            ["c", ends(1, 7, [], { producerEpoch: 1 })],
            ["send", within(2, 7, 1)],
            ["send", within(2, 7, 1, 1)],
            ["send", within(2, 7, 0, 1)],
          ],
          "o0 0 e47 e45 o2",
        ],
        [
          "a marker that comes again is not written again",
          [
            ["send", within(1, 7, 0)],
            ["c", ends(1, 7, [])],
            ["c", ends(1, 7, [])],
            ["send", plain()],
          ],
          "o0 0 0 o2",
        ],
        [
          "nor is one of an earlier transaction, whatever it says",
          [
            ["send", within(3, 7, 0)],
            ["c", ends(3, 7, [])],
            ["a", ends(2, 7, [], { producerEpoch: 5 })],
            ["send", plain()],
          ],
          "o0 0 0 o2",
        ],
        [
          "an earlier transaction's late marker does not end the open one",
          [
            ["c", ends(1, 7, [])],
            ["send", within(2, 7, 0)],
            ["a", ends(1, 7, [])],
            ["send", within(2, 7, 1)],
          ],
          "0 o1 0 o2",
        ],
        [
          "a lower producer epoch ends nothing",
          [
            ["send", within(1, 7, 0, 4)],
            ["c", ends(1, 7, [], { producerEpoch: 3 })],
            ["send", within(1, 7, 1, 4)],
          ],
          "o0 47 o1",
        ],
        [
          "a superseded coordinator ends nothing",
          [
            ["send", within(1, 7, 0)],
            ["c", ends(1, 7, [], { coordinatorEpoch: 2 })],
            ["send", within(2, 7, 1)],
            ["a", ends(2, 7, [], { coordinatorEpoch: 1 })],
            ["send", within(2, 7, 2)],
          ],
          "o0 0 o2 52 o3",
        ],
        [
          "a transaction with an epoch to itself begins at sequence 0, another where its producer was forgotten",
          [
            ["send", { ...within(1, 7, 1), hasOwnEpoch: true }],
            ["send", { ...within(1, 7, 0), hasOwnEpoch: true }],
            ["send", { ...within(1, 7, 1), hasOwnEpoch: true }],
            ["send", within(1, 8, 5)],
          ],
          "e45 o0 o1 o2",
        ],
        [
          "a transactional batch that belongs to none is refused",
          [
            ["send", plain(1, { attributes: 16 })],
            ["send", { ...within(1, 7, 0), transactionGeneration: 0 }],
            ["send", within(1, 7, 0)],
          ],
          "e48 e48 o0",
        ],
      ];

    test.each(table)("[I3] [I7] %s, also over restarts", async (_, steps, answers) => {
      for (const restarts of [false, true]) {
        const got: string[] = [];
        for (const [kind, what] of steps) {
          if (kind === "send") got.push(await send(what as ReturnType<typeof plain>));
          else
            got.push(
              String((await marked({ ...(what as ReturnType<typeof ends>), commit: kind === "c", partitions: [at(0)] }))[0]![0]),
            );
          if (restarts) await restart();
        }
        expect(got.join(" ")).toBe(answers);
        topicId = newTopicId();
        await coordinator.createPartitions([at(0)], createTime);
      }
    });

    test("[I4] the last stable offset is where the first open transaction begins, and markers move it on", async () => {
      await send(plain(5), within(1, 7, 0), within(1, 8, 0), plain(2));
      expect(await stable()).toBe(5);
      await restart();
      expect(await stable()).toBe(5);
      await marked(ends(1, 8, [at(0)]));
      expect(await stable()).toBe(5);
      await marked(ends(1, 7, [at(0)]));
      expect(await stable()).toBe(11);
      await send(plain());
      expect(await stable()).toBe(12);
      const [latest] = await coordinator.listOffsets([{ ...at(0), spec: { kind: "latest", readCommitted: true } }]);
      expect(latest!.offset).toBe(12);
    });

    test("[I4] readers hear of exactly the aborted transactions that overlap what they get", async () => {
      await send(within(1, 7, 0), within(1, 8, 0), within(1, 7, 1), within(1, 9, 0));
      await marked(ends(1, 7, [at(0)], { commit: false }));
      await marked(ends(1, 8, [at(0)]));
      await marked(ends(1, 9, [at(0)], { commit: false }), ends(1, 10, [at(0)], { commit: false }));
      await send(within(2, 7, 2));
      const first = { producerId: 7, firstOffset: 0, lastOffset: 4 };
      const second = { producerId: 9, firstOffset: 3, lastOffset: 6 };
      for (const restarted of [false, true]) {
        if (restarted) await restart();
        expect((await find(0, 0)).abortedTransactions).toEqual([first, second]);
        expect((await find(0, 0, 1)).abortedTransactions).toEqual([first, second]);
        expect((await find(0, 4, 1)).abortedTransactions).toEqual([first, second]);
        expect((await find(0, 5, 1)).abortedTransactions).toEqual([second]);
        expect((await find(0, 7, 1)).abortedTransactions).toEqual([]);
      }
      await coordinator.deleteRecords([{ ...at(0), beforeOffset: 5 }]);
      expect((await find(0, 5)).abortedTransactions).toEqual([second]);
    });

    test("[D6] [D10] markers for many partitions are one change, of which followers hear the bytes, the bounds and what was aborted", async () => {
      const { cursor } = await coordinator.findBatches([]);
      await send(within(1, 7, 0));
      const before = await coordinator.follow(cursor, 0);
      await marked(ends(1, 7, [at(0), at(1), at(9), at(2)], { commit: false, producerEpoch: 1 }));
      const reply = await coordinator.follow(before.cursor, 0);
      expect(reply.cursor).toBe(before.cursor + 1);
      const told = reply.updates.flatMap((update) => (update.kind === "appended" ? [update] : []));
      expect(told.map(({ partition, bounds, aborted }) => [partition, bounds.lastStableOffset, aborted])).toEqual([
        [0, 2, { producerId: 7, firstOffset: 0, lastOffset: 1 }],
        [1, 1, undefined],
        [2, 1, undefined],
      ]);
      for (const { partition, extent: own } of told) expect((await find(partition, own.baseOffset)).extents).toEqual([own]);
    });

    test("[D4] markers go inline into a cell that takes no more of it", async () => {
      await send(within(1, 7, 0));
      for (const size of [100_000, 10_000, 1000, 100, 61]) {
        const full = async () => (await coordinator.commit(chain.inline([[at(1), [plain(1, { size })]]]))).kind === "inline-full";
        while (!(await full()));
        // Its number was not taken.
        chain = chain.again();
      }
      for (let generation = 1; generation < 30; generation++) {
        expect(await marked(ends(generation, 7, [at(0)]))).toEqual([[0]]);
        expect(await stable()).toBe(1 + generation);
      }
      await coordinator.deletePartitions(topicId);
    });

    test("a deleted topic takes its transactions along; records below the log's start are stable", async () => {
      await send(within(1, 7, 0), plain(3));
      await coordinator.deleteRecords([{ ...at(0), beforeOffset: 2 }]);
      const { bounds } = await find(0, 2);
      expect([bounds.logStartOffset, bounds.lastStableOffset, bounds.highWatermark]).toEqual([2, 2, 4]);
      await coordinator.deletePartitions(topicId);
      expect(await marked(ends(1, 7, [at(0)]))).toEqual([[3]]);
      await coordinator.createPartitions([at(0)], createTime);
      expect(await send(within(1, 7, 0))).toBe("o0");
    });

    test("administrators see where transactions begin and who ended the last one", async () => {
      await send(within(1, 7, 0));
      await marked(ends(1, 7, [at(0)], { coordinatorEpoch: 4, producerEpoch: 1 }));
      await send(within(2, 7, 0, 1), within(1, 8, 5));
      await restart();
      const [description] = await coordinator.describePartitions([at(0)]);
      expect(description!.producers).toMatchObject([
        { producerId: 7, producerEpoch: 1, lastSequence: 0, coordinatorEpoch: 4, transactionStartOffset: 2 },
        { producerId: 8, producerEpoch: 0, lastSequence: 5, coordinatorEpoch: -1, transactionStartOffset: 3 },
      ]);
    });

    test.each([
      { generation: 0 },
      { generation: 1.5 },
      { producerEpoch: -1 },
      { producerEpoch: 2 ** 15 },
      { producerId: -1 },
      { producerId: 2 ** 52 },
      { coordinatorEpoch: 2 ** 31 },
    ])("[I9] a marker with %o is refused and changes nothing", async (lie) => {
      await send(within(1, 7, 0));
      await expect(marked(ends(1, 7, [at(0)]), ends(1, 8, [at(0)], lie))).rejects.toMatchObject({ kind: "invalid" });
      expect(await stable()).toBe(0);
      expect(await marked(ends(1, 7, [at(0)]))).toEqual([[0]]);
    });
  });
}
