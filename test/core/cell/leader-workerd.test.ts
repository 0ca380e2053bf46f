/** The contract, over the Leader Durable Object in a real workerd; restarts are deaths of the object. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { batchCoordinatorContract, contractSettings } from "../../contract/batch-coordinator.ts";
import { newTopicId } from "../../contract/topic-ids.ts";
import { Chain, createTime, plain, resultsOf } from "../../contract/commits.ts";
import { startLeaderServer, temporaryRoot, type LeaderServer } from "./remote-leader.ts";

const slowMs = 120_000;
let server: LeaderServer;
beforeAll(async () => {
  server = await startLeaderServer({ ...contractSettings });
}, slowMs);
afterAll(async () => server?.close(), slowMs);

batchCoordinatorContract("the Leader Durable Object", async () => server.cell(0), { runs: 12, steps: 25 });

test("[D6] a commit writes one row, the first one another for the alarm, and a question none", { timeout: slowMs }, async () => {
  const calm = await startLeaderServer({});
  const { coordinator } = calm.cell(1);
  const topicId = newTopicId();
  const partitions = Array.from({ length: 300 }, (_, partition) => ({ topicId, partition }));
  const chain = new Chain();
  const none = (await coordinator.metrics()).counters["kante_rows_written_total"] ?? 0;
  await coordinator.createPartitions(partitions, createTime);
  const rows = async () => (await coordinator.metrics()).counters["kante_rows_written_total"];
  expect((await rows())! - none).toBe(1);
  await coordinator.commit(chain.object(partitions.map((ref) => [ref, [plain(), plain()]])));
  const first = (await rows())!;
  expect(first - none - 1).toBeLessThanOrEqual(3);
  await coordinator.commit(chain.object(partitions.map((ref) => [ref, [plain(), plain()]])));
  expect(await rows()).toBe(first + 1);
  await coordinator.findBatches([{ ...partitions[0]!, offset: 0, maxBytes: 1 }]);
  await coordinator.follow(0, 0);
  expect(await rows()).toBe(first + 1);
  await calm.close();
});

test(
  "[D6] [I7] a snapshot replaces the rows before it but for inline records, and the leader starts from it",
  { timeout: slowMs },
  async () => {
    const leader = server.cell(2);
    const { coordinator } = leader;
    const topicId = newTopicId();
    const partitions = Array.from({ length: 1000 }, (_, partition) => ({ topicId, partition }));
    const chain = new Chain();
    await coordinator.createPartitions(partitions, createTime);
    await coordinator.commit(chain.inline([[partitions[7]!, [plain(3)]]], 42));
    let number = 0;
    // Of two pieces, written in steps, the first comes last.
    while ((await leader.tables()).snapshot < 2 && number < 500) {
      number += 1;
      // Sizes of two bytes and times of three, so that rows fill up soon.
      const batch = plain(200, { size: 20_000, maxTimestamp: 1_700_000_000_000 + number });
      resultsOf(await coordinator.commit(chain.object(partitions.map((ref) => [ref, [batch]]))));
    }
    const { journal, inline, snapshot } = await leader.tables();
    expect([inline, snapshot]).toEqual([1, 2]);
    await leader.restart();
    const last = partitions[999]!;
    const found = await coordinator.findBatches([
      { ...last, offset: 0, maxBytes: 1e9 },
      { ...partitions[7]!, offset: 0, maxBytes: 1 },
    ]);
    expect(found.results[0]!.bounds.highWatermark).toBe(200 * number);
    expect(found.results[1]!.extents[0]!.source).toEqual({ kind: "inline", records: new Uint8Array(100).fill(42) });
    expect(resultsOf(await coordinator.commit(chain.object([[last, [plain()]]])))[0]!.baseOffset).toBe(200 * number);
    // The rows that the snapshot replaced are written over: the table does not grow, and nothing is paid for twice.
    const written = async () => (await coordinator.metrics()).counters["kante_rows_written_total"]!;
    const before = await written();
    for (let more = 0; more < 50; more++) await coordinator.commit(chain.object([[last, [plain()]]]));
    // One more when the alarm is looked up after the start and found to ring too late.
    expect((await written()) - before).toBeLessThanOrEqual(51);
    expect((await leader.tables()).journal).toBe(journal);
  },
);

test(
  "[I1] [I4] a follower that a commit wakes hears nothing of it before the row is durable, however soon the leader dies",
  { timeout: slowMs },
  async () => {
    const leader = server.cell(3);
    const { coordinator } = leader;
    const ref = { topicId: newTopicId(), partition: 0 };
    await coordinator.createPartitions([ref], createTime);
    let died = 0;
    for (let turns = 0; turns < 30; turns++) {
      const { cursor } = await coordinator.findBatches([]);
      const heard = coordinator.follow(cursor, 30_000).catch(() => undefined);
      while ((await leader.followers()) === 0);
      // A broker of its own each time: nobody knows which of its commits were applied.
      await leader.commitAndCrash(new Chain(1000 + turns).object([[ref, [plain()]]]), turns);
      const reply = await heard;
      const after = await coordinator.findBatches([{ ...ref, offset: 0, maxBytes: 1 }]);
      if (reply === undefined) died += 1;
      else expect(after.cursor).toBeGreaterThanOrEqual(reply.cursor);
    }
    expect(died).toBeGreaterThan(0);
  },
);

test(
  "[I1] [I7] workerd killed under commits: what was answered or heard of is there, and answers are still known",
  { timeout: slowMs },
  async () => {
    const root = temporaryRoot();
    const killed = await startLeaderServer({}, root);
    const ref = { topicId: newTopicId(), partition: 0 };
    const { coordinator } = killed.cell(0);
    await coordinator.createPartitions([ref], createTime);
    const chain = new Chain();
    const sent = Array.from({ length: 60 }, (_, index) =>
      index % 2 === 0 ? chain.object([[ref, [plain()]]]) : chain.inline([[ref, [plain()]]]),
    );
    const answers: Awaited<ReturnType<typeof coordinator.commit>>[] = [];
    let heard = (await coordinator.findBatches([])).cursor;
    const following = (async () => {
      for (;;) heard = (await coordinator.follow(heard, 30_000)).cursor;
    })().catch(() => {});
    const committing = (async () => {
      for (const request of sent) {
        answers.push(await coordinator.commit(request));
        if (answers.length === 40) await killed.kill();
      }
    })().catch(() => {});
    await Promise.all([committing, following]);
    expect(answers.length).toBeGreaterThanOrEqual(40);
    const revived = await startLeaderServer({}, root);
    try {
      const again = revived.cell(0).coordinator;
      const { cursor, results } = await again.findBatches([{ ...ref, offset: 0, maxBytes: 1e6 }]);
      expect(cursor).toBeGreaterThanOrEqual(heard);
      expect(results[0]!.bounds.highWatermark).toBeGreaterThanOrEqual(answers.length);
      for (const [index, answer] of answers.entries()) expect(await again.commit(sent[index]!)).toEqual(answer);
      // The chain goes on where it was cut, whether the last commit was applied or not.
      for (const request of sent.slice(answers.length)) expect((await again.commit(request)).kind).toBe("committed");
      expect((await again.findBatches([{ ...ref, offset: 0, maxBytes: 1e6 }])).results[0]!.bounds.highWatermark).toBe(sent.length);
    } finally {
      await revived.close();
    }
  },
);
