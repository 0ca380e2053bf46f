/**
 * ListOffsets and OffsetForLeaderEpoch: exact to the record, whatever the batch it lies in.
 */
import { gzipSync } from "node:zlib";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { produce } from "../../protocol/messages/00-produce.ts";
import { listOffsets } from "../../protocol/messages/02-list-offsets.ts";
import { offsetForLeaderEpoch } from "../../protocol/messages/23-offset-for-leader-epoch.ts";
import { encodeRecords } from "../kernel/batch-builder.ts";
import { FakeBroker, servedVersions } from "./fake-broker.ts";
import { batch } from "./records.ts";

const now = 1_700_000_000_000;

async function brokerWith(...batches: readonly (readonly number[])[]) {
  const broker = new FakeBroker();
  const topicId = await broker.createTopic("t", 2);
  for (const [index, times] of batches.entries()) {
    const timestamps = times.map((time) => now - 1000 + time);
    const values = times.map(String);
    const body = gzipSync(
      encodeRecords(timestamps.map((timestamp) => ({ value: new Uint8Array(3), timestampDelta: timestamp - timestamps[0]! }))),
    );
    // Every other batch compressed: its records are found all the same.
    const records = batch({ values, timestamps, ...(index % 2 === 1 ? { attributes: 1, body } : {}) });
    const answer = await broker.ask(produce, 9, { acks: -1, topicData: [{ name: "t", partitionData: [{ index: 0, records }] }] });
    expect(answer!.responses[0]!.partitionResponses[0]!.errorCode).toBe(0);
  }
  return { broker, topicId };
}

async function list(broker: FakeBroker, version: number, timestamp: bigint, extra = {}) {
  const topics = [{ name: "t", partitions: [{ partitionIndex: 0, timestamp, ...extra }] }];
  return (await broker.ask(listOffsets, version, { replicaId: -1, topics }))!.topics[0]!.partitions[0]!;
}

const at = (time: number) => BigInt(now - 1000 + time);

describe("ListOffsets", () => {
  test("a leader or a store that cannot be reached is an error of its partitions that clients retry", async () => {
    const { broker } = await brokerWith([10, 20]);
    broker.isStoreGone = true;
    expect(await list(broker, 7, at(15))).toMatchObject({ errorCode: 56, offset: -1n });
    broker.areLeadersGone = true;
    expect(await list(broker, 7, -1n)).toMatchObject({ errorCode: 6, offset: -1n });
    const topics = [{ topic: "t", partitions: [{ partition: 0, currentLeaderEpoch: -1, leaderEpoch: 0 }] }];
    const ends = (await broker.ask(offsetForLeaderEpoch, 4, { topics }))!.topics[0]!.partitions[0]!;
    expect(ends).toMatchObject({ errorCode: 6, endOffset: -1n });
  });

  test("[I8] of many partitions few are looked into at a time, as each is opened in memory", async () => {
    const partitions = 100;
    const broker = new FakeBroker();
    await broker.createTopic("t", partitions);
    const values = ["a"];
    const body = gzipSync(encodeRecords([{ value: new Uint8Array(1000) }]));
    const partitionData = Array.from({ length: partitions }, (_, index) => {
      return { index, records: batch({ values, timestamps: [now + index], attributes: 1, body }) };
    });
    await broker.ask(produce, 9, { acks: -1, topicData: [{ name: "t", partitionData }] });
    let open = 0;
    let most = 0;
    broker.reading = async () => {
      most = Math.max(most, ++open);
      await new Promise((resolve) => setImmediate(resolve));
      open -= 1;
    };
    const asked = partitionData.map(({ index }) => ({ partitionIndex: index, timestamp: index % 2 === 0 ? BigInt(now) : -3n }));
    const answer = await broker.ask(listOffsets, 7, { replicaId: -1, topics: [{ name: "t", partitions: asked }] });
    expect(answer!.topics[0]!.partitions).toMatchObject(
      partitionData.map(({ index }) => ({ partitionIndex: index, errorCode: 0, offset: 0n, timestamp: BigInt(now + index) })),
    );
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(4);
  });

  test.each(servedVersions(listOffsets))("v%i finds the ends and the first record at or after a time", async (version) => {
    const { broker, topicId } = await brokerWith([10, 20], [15, 40, 30]);
    broker.log({ topicId, partition: 0 }).logStartOffset = 1;
    expect(await list(broker, version, -1n)).toMatchObject({ errorCode: 0, offset: 5n, timestamp: -1n });
    expect(await list(broker, version, -2n)).toMatchObject({ errorCode: 0, offset: 1n, timestamp: -1n });
    expect(await list(broker, version, at(25))).toMatchObject({ errorCode: 0, offset: 3n, timestamp: at(40) });
    if (version >= 4) expect(await list(broker, version, -1n)).toMatchObject({ leaderEpoch: 0 });
  });

  test("by time is exact to the record, compressed or not, and stays behind the log's start", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.nat(500), { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 4 }),
        fc.nat(510),
        fc.nat(6),
        async (batches, time, start) => {
          const { broker, topicId } = await brokerWith(...batches);
          const times = batches.flat();
          const logStartOffset = Math.min(start, times.length);
          broker.log({ topicId, partition: 0 }).logStartOffset = logStartOffset;
          const expected = times.findIndex((each, offset) => offset >= logStartOffset && each >= time);
          const found = await list(broker, 10, at(time));
          const none = { errorCode: 0, offset: -1n, timestamp: -1n };
          expect(found).toMatchObject(expected < 0 ? none : { offset: BigInt(expected), timestamp: at(times[expected]!) });
        },
      ),
      { numRuns: 60 },
    );
  });

  test("-3 names the first record that bears the highest timestamp", async () => {
    const { broker } = await brokerWith([10, 50], [50, 20], [50]);
    expect(await list(broker, 7, -3n)).toMatchObject({ offset: 1n, timestamp: at(50) });
    expect(await list((await brokerWith()).broker, 7, -3n)).toMatchObject({ errorCode: 0, offset: -1n, timestamp: -1n });
  });

  test.each([
    ["damaged", new Uint8Array([1, 2, 3])],
    ["larger than may be opened", gzipSync(new Uint8Array(33 * 1024 * 1024))],
  ])("[I9] a batch whose inside is %s is found as a whole, and the other partitions have their answers", async (_title, body) => {
    const { broker, topicId } = await brokerWith([10]);
    const records = batch({ values: ["a", "b"], timestamps: [20, 30].map((time) => now - 1000 + time), attributes: 1, body });
    const partitionData = [{ index: 0, records }];
    await broker.ask(produce, 9, { acks: -1, topicData: [{ name: "t", partitionData }] });
    const partitions = [
      { partitionIndex: 0, timestamp: at(25) },
      { partitionIndex: 1, timestamp: -1n },
    ];
    const answer = (await broker.ask(listOffsets, 7, { replicaId: -1, topics: [{ name: "t", partitions }] }))!.topics[0]!;
    expect(answer.partitions[0]).toMatchObject({ errorCode: 0, offset: 1n, timestamp: at(30) });
    expect(answer.partitions[1]).toMatchObject({ errorCode: 0, offset: 0n });
    expect(await list(broker, 7, -3n)).toMatchObject({ errorCode: 0, offset: 1n, timestamp: at(30) });
    broker.log({ topicId, partition: 0 }).logStartOffset = 2;
    expect(await list(broker, 7, at(25))).toMatchObject({ errorCode: 0, offset: 2n, timestamp: at(30) });
    expect(await list(broker, 7, -3n)).toMatchObject({ errorCode: 0, offset: 2n, timestamp: at(30) });
  });

  test.each([
    ["the highest lies below it, in the same batch", [[90, 10, 50]], 1, 2n, 50],
    ["the highest lies below it, and a later batch has a higher one than what is left", [[90, 10], [30]], 1, 2n, 30],
    ["what is left of the batch is the highest", [[90, 60], [30]], 1, 1n, 60],
    ["a whole batch lies below it", [[90], [10, 20]], 1, 2n, 20],
  ])("-3 never names a record below the log's start: %s", async (_title, batches, start, offset, timestamp) => {
    const { broker, topicId } = await brokerWith(...batches);
    broker.log({ topicId, partition: 0 }).logStartOffset = start;
    expect(await list(broker, 7, -3n)).toMatchObject({ offset, timestamp: at(timestamp) });
  });

  test.each([
    [8, -4n, { errorCode: 0, offset: 0n }],
    [9, -5n, { errorCode: 0, offset: -1n, leaderEpoch: -1 }],
    [11, -6n, { errorCode: 0, offset: -1n }],
    [6, -3n, { errorCode: 35 }],
    [7, -4n, { errorCode: 35 }],
    [8, -5n, { errorCode: 35 }],
    [10, -6n, { errorCode: 35 }],
    [11, -7n, { errorCode: 35 }],
  ])("v%i, timestamp %i: as a broker without tiered storage says", async (version, timestamp, expected) => {
    const { broker } = await brokerWith([1]);
    expect(await list(broker, version, timestamp)).toMatchObject(expected);
  });

  test.each([
    [{ partitionIndex: 5 }, 3],
    [{ currentLeaderEpoch: 2 }, 75],
    [{ currentLeaderEpoch: 0 }, 0],
  ])("%o → %i", async (extra, errorCode) => {
    const { broker } = await brokerWith([1]);
    expect(await list(broker, 9, -1n, extra)).toMatchObject({ errorCode });
  });

  test("a topic that was created anew through another broker is found at the first question", async () => {
    const { broker, topicId } = await brokerWith([1, 2]);
    await broker.controller.deleteTopics([topicId]);
    expect(broker.catalog.knownByName("t")?.id).toBe(topicId);
    expect(await list(broker, 5, -1n)).toMatchObject({ errorCode: 3 });
    await broker.catalog.all();
    const second = await broker.createTopic("t", 2);
    await broker.catalog.all();
    await broker.controller.deleteTopics([second]);
    await broker.createTopic("t", 2);
    expect(broker.catalog.knownByName("t")?.id).toBe(second);
    expect(await list(broker, 5, -1n)).toMatchObject({ errorCode: 0, offset: 0n });
  });

  test("a topic nobody knows is 3, a partition asked for twice 42", async () => {
    const { broker } = await brokerWith([1]);
    const partition = { partitionIndex: 0, timestamp: -1n };
    const topics = [
      { name: "none", partitions: [partition] },
      { name: "t", partitions: [partition, { ...partition, partitionIndex: 1 }, partition] },
    ];
    const answer = (await broker.ask(listOffsets, 7, { replicaId: -1, topics }))!;
    expect(answer.topics.map(({ partitions }) => partitions.map(({ errorCode }) => errorCode))).toEqual([[3], [42, 0, 42]]);
  });
});

test.each(servedVersions(offsetForLeaderEpoch))("OffsetForLeaderEpoch v%i tells where an epoch ends", async (version) => {
  const { broker } = await brokerWith([1, 2]);
  const ask = async (partition: number, currentLeaderEpoch: number, topic = "t") => {
    const topics = [{ topic, partitions: [{ partition, currentLeaderEpoch, leaderEpoch: 0 }] }];
    return (await broker.ask(offsetForLeaderEpoch, version, { topics }))!.topics[0]!.partitions[0]!;
  };
  expect(await ask(0, -1)).toEqual({ errorCode: 0, partition: 0, leaderEpoch: 0, endOffset: 2n });
  expect(await ask(0, 1)).toMatchObject({ errorCode: 75, endOffset: -1n });
  expect(await ask(9, -1)).toMatchObject({ errorCode: 3, partition: 9 });
  expect(await ask(0, -1, "none")).toMatchObject({ errorCode: 3 });
});
