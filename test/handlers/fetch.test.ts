/**
 * Fetch in every version: what the broker is asked to read, and how its answer reaches the client.
 */
import { describe, expect, test, vi } from "vitest";
import { produce } from "../../protocol/messages/00-produce.ts";
import { fetch } from "../../protocol/messages/01-fetch.ts";
import { FakeBroker, servedVersions } from "./fake-broker.ts";
import { batch } from "./records.ts";

interface Asking {
  readonly topic?: string;
  readonly partition?: number;
  readonly fetchOffset?: bigint;
  readonly currentLeaderEpoch?: number;
}

async function brokerWithRecords(...sets: Uint8Array[]) {
  const broker = new FakeBroker();
  const topicId = await broker.createTopic("t", 2);
  for (const records of sets) {
    await broker.ask(produce, 7, { acks: -1, topicData: [{ name: "t", partitionData: [{ index: 0, records }] }] });
  }
  return { broker, topicId };
}

function request(version: number, topicId: string, asked: Asking = {}) {
  const { topic = "t", partition = 0, fetchOffset = 0n, currentLeaderEpoch = -1 } = asked;
  const partitions = [{ partition, fetchOffset, currentLeaderEpoch, partitionMaxBytes: 1000 }];
  const topics = version >= 13 ? [{ topicId, partitions }] : [{ topic, partitions }];
  return { maxWaitMs: 500, minBytes: 1, maxBytes: 5000, topics };
}

describe("Fetch", () => {
  test.each(servedVersions(fetch))("v%i gets whole batches with the partition's bounds", async (version) => {
    const { broker, topicId } = await brokerWithRecords(batch({ values: ["a", "b"] }), batch({ values: ["c"] }));
    const answer = (await broker.ask(fetch, version, request(version, topicId, { fetchOffset: 1n })))!;
    const [topic] = answer.responses;
    expect(version >= 13 ? topic!.topicId : topic!.topic).toBe(version >= 13 ? topicId : "t");
    const [partition] = topic!.partitions;
    expect(partition).toMatchObject({ partitionIndex: 0, errorCode: 0, highWatermark: 3n, lastStableOffset: 3n });
    if (version >= 5) expect(partition!.logStartOffset).toBe(0n);
    if (version >= 7) expect(answer).toMatchObject({ errorCode: 0, sessionId: 0 });
    const records = partition!.records!;
    const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
    const firstSize = view.getInt32(8) + 12;
    expect([view.getBigInt64(0), view.getBigInt64(firstSize)]).toEqual([0n, 2n]);
    expect(firstSize + view.getInt32(firstSize + 8) + 12).toBe(records.byteLength);
  });

  test("limits, waiting and isolation are the request's, the largest answer the deployment's", async () => {
    const { broker, topicId } = await brokerWithRecords(batch());
    await broker.ask(fetch, 17, { ...request(17, topicId), isolationLevel: 1, maxBytes: 0x7fffffff });
    expect(broker.reads).toEqual([
      {
        items: [{ topicId, partition: 0, cell: 0, offset: 0, maxBytes: 1000 }],
        minBytes: 1,
        maxBytes: broker.settings["fetch.max.bytes"],
        maxWaitMs: 500,
        readCommitted: true,
      },
    ]);
  });

  test("who waits for more bytes than the answer may have waits for those that it may have", async () => {
    const { broker, topicId } = await brokerWithRecords(batch());
    await broker.ask(fetch, 17, { ...request(17, topicId), minBytes: 9000 });
    expect(broker.reads[0]).toMatchObject({ minBytes: 5000, maxBytes: 5000 });
  });

  test.each([12, 17])(
    "however many topics are unknown, the controller is asked for all of them together (v%i)",
    async (version) => {
      const { broker } = await brokerWithRecords();
      const asked = vi.spyOn(broker.controller, "snapshot");
      const strange = Array.from({ length: 50 }, (_, index) => `11111111-1111-4111-8111-1111111111${10 + index}`);
      const topics = strange.map((id) => request(version, id, { topic: id }).topics[0]!);
      const { responses } = (await broker.ask(fetch, version, { maxWaitMs: 500, minBytes: 1, maxBytes: 5000, topics }))!;
      expect(responses.map(({ partitions }) => partitions[0]!.errorCode)).toEqual(strange.map(() => (version >= 13 ? 100 : 3)));
      expect(asked.mock.calls.length).toBeLessThanOrEqual(2);
    },
  );

  test("a fetch brings no more than the client's quota has room for", async () => {
    const { broker, topicId } = await brokerWithRecords(batch());
    broker.fetchBytesMax = 700;
    await broker.ask(fetch, 17, { ...request(17, topicId), minBytes: 9000 });
    expect(broker.reads[0]).toMatchObject({ minBytes: 700, maxBytes: 700 });
  });

  test("aborted transactions are listed for read_committed, null for the others", async () => {
    const { broker, topicId } = await brokerWithRecords(batch());
    const aborted = async (isolationLevel: number) =>
      (await broker.ask(fetch, 12, { ...request(12, topicId), isolationLevel }))!.responses[0]!.partitions[0]!.abortedTransactions;
    expect(await aborted(0)).toBeNull();
    expect(await aborted(1)).toEqual([]);
  });

  test.each<[string, number, Asking, number]>([
    ["a topic nobody knows", 12, { topic: "none" }, 3],
    ["a partition the topic lacks", 12, { partition: 2 }, 3],
    ["an offset beyond the log", 12, { fetchOffset: 9n }, 1],
    ["an offset beyond all numbers", 12, { fetchOffset: 2n ** 62n }, 1],
    ["a negative offset", 12, { fetchOffset: -5n }, 1],
    ["a later leader epoch", 12, { currentLeaderEpoch: 3 }, 75],
    ["the current leader epoch", 12, { currentLeaderEpoch: 0 }, 0],
  ])("%s (v%i)", async (_what, version, asked, errorCode) => {
    const { broker, topicId } = await brokerWithRecords(batch());
    const [partition] = (await broker.ask(fetch, version, request(version, topicId, asked)))!.responses[0]!.partitions;
    expect(partition!.errorCode).toBe(errorCode);
    if (errorCode !== 0) expect(partition).toMatchObject({ highWatermark: -1n });
    expect(partition!.records!.byteLength > 0).toBe(errorCode === 0);
  });

  test("an id nobody knows is 100", async () => {
    const { broker } = await brokerWithRecords();
    const strange = "11111111-1111-4111-8111-111111111111";
    const [partition] = (await broker.ask(fetch, 13, request(13, strange)))!.responses[0]!.partitions;
    expect(partition!.errorCode).toBe(100);
  });

  test("an error in one partition answers all at once", async () => {
    const { broker, topicId } = await brokerWithRecords(batch());
    const { topics, ...limits } = request(12, topicId);
    await broker.ask(fetch, 12, { ...limits, topics: [...topics, ...request(12, topicId, { topic: "none" }).topics] });
    expect(broker.reads[0]!.maxWaitMs).toBe(0);
  });

  test("a fenced epoch comes with the leader and, from v16, its address", async () => {
    const { broker, topicId } = await brokerWithRecords(batch());
    const answer = (await broker.ask(fetch, 16, request(16, topicId, { currentLeaderEpoch: 4 })))!;
    expect(answer.responses[0]!.partitions[0]).toMatchObject({ errorCode: 75, currentLeader: { leaderId: 0, leaderEpoch: 0 } });
    expect(answer.nodeEndpoints).toEqual([{ nodeId: 0, host: "broker.test", port: 9000, rack: null }]);
  });

  test.each([
    [{ sessionId: 5, sessionEpoch: 1 }, 70],
    [{ sessionId: 0, sessionEpoch: 3 }, 70],
    [{ sessionId: 5, sessionEpoch: -2 }, 70],
    [{ sessionId: 5, sessionEpoch: 0 }, 0],
    [{ sessionId: 5, sessionEpoch: -1 }, 0],
    [{ sessionId: 0, sessionEpoch: 0 }, 0],
    [{ sessionId: 0, sessionEpoch: -1 }, 0],
  ])("sessions are declined: %o → %i", async (session, errorCode) => {
    const { broker, topicId } = await brokerWithRecords(batch());
    const answer = (await broker.ask(fetch, 12, { ...request(12, topicId), ...session }))!;
    expect(answer).toMatchObject({ errorCode, sessionId: 0 });
    expect(answer.responses).toHaveLength(errorCode === 0 ? 1 : 0);
  });

  test("zstd is handed out in every version: clients of old versions have learnt to read it", async () => {
    const { broker, topicId } = await brokerWithRecords(batch(), batch({ attributes: 4 }));
    const code = async (version: number) =>
      (await broker.ask(fetch, version, request(version, topicId)))!.responses[0]!.partitions[0]!.errorCode;
    expect(await code(4)).toBe(0);
    expect(await code(10)).toBe(0);
  });
});
