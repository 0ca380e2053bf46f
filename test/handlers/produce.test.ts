/**
 * Produce in every version: what is appended, what is refused, in Kafka's codes and with the records to blame.
 */
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { kernel } from "../../kernel/kernel.ts";
import { produce } from "../../protocol/messages/00-produce.ts";
import { batchBody } from "../../worker/handlers/batch-body.ts";
import { encodeRecords, sealCrc } from "../kernel/batch-builder.ts";
import { FakeBroker, servedVersions } from "./fake-broker.ts";
import { batch } from "./records.ts";

const now = 1_700_000_000_000;
const hour = 3_600_000;
const gzip = 1;
const zstd = 4;

type Extra = Partial<{ acks: number; transactionalId: string }>;

async function produceTo(broker: FakeBroker, version: number, records: Uint8Array | null, extra: Extra = {}, index = 0) {
  const topicId = broker.catalog.knownByName("t")?.id ?? (await broker.catalog.byName("t"))?.id ?? "";
  const topicData = [
    version >= 13 ? { topicId, partitionData: [{ index, records }] } : { name: "t", partitionData: [{ index, records }] },
  ];
  const answer = await broker.ask(produce, version, { acks: -1, timeoutMs: 1000, ...extra, topicData });
  return answer?.responses[0]?.partitionResponses[0];
}

async function brokerWithTopic(configs: Readonly<Record<string, string>> = {}) {
  const broker = new FakeBroker();
  await broker.createTopic("t", 1, configs);
  return broker;
}

function gzipped(values: readonly string[], keys?: readonly (string | null)[]): Uint8Array {
  const encoder = new TextEncoder();
  const records = values.map((value, index) => {
    const key = keys?.[index] ?? null;
    return { key: key === null ? null : encoder.encode(key), value: encoder.encode(value), timestampDelta: 0 };
  });
  return batch({ values, attributes: gzip, body: gzipSync(encodeRecords(records)) });
}

describe("Produce", () => {
  test.each(servedVersions(produce))("v%i appends and tells the offset", async (version) => {
    const broker = await brokerWithTopic();
    expect(await produceTo(broker, version, batch({ values: ["a", "b"] }))).toMatchObject({
      errorCode: 0,
      baseOffset: 0n,
      logAppendTimeMs: -1n,
    });
    const second = await produceTo(broker, version, batch());
    expect(second).toMatchObject({ index: 0, errorCode: 0, baseOffset: 2n });
    if (version >= 5) expect(second).toMatchObject({ logStartOffset: 0n });
  });

  test("the throttle time is the broker's", async () => {
    const broker = await brokerWithTopic();
    broker.throttleMs = 55;
    const answer = await broker.ask(produce, 9, {
      acks: 1,
      topicData: [{ name: "t", partitionData: [{ index: 0, records: batch() }] }],
    });
    expect(answer!.throttleTimeMs).toBe(55);
  });

  test("the partitions of a request are judged one by one and handed over in one call, in order", async () => {
    const broker = new FakeBroker();
    await broker.createTopic("t", 3);
    const bad = batch();
    bad[30]! ^= 1;
    const partitionData = [
      { index: 2, records: batch() },
      { index: 0, records: bad },
      { index: 7, records: batch() },
      { index: 1, records: batch() },
    ];
    const answer = (await broker.ask(produce, 9, { acks: -1, topicData: [{ name: "t", partitionData }] }))!;
    expect(answer.responses[0]!.partitionResponses.map(({ index, errorCode }) => [index, errorCode])).toEqual([
      [2, 0],
      [0, 2],
      [7, 3],
      [1, 0],
    ]);
    expect(broker.appends.map((items) => items.map(({ partition }) => partition))).toEqual([[2, 1]]);
  });

  test.each([
    [9, { name: "none" }, 3],
    [13, { topicId: "11111111-1111-4111-8111-111111111111" }, 100],
  ])("v%i to a topic that nobody knows is %o → %i", async (version, named, errorCode) => {
    const broker = await brokerWithTopic();
    const topicData = [{ ...named, partitionData: [{ index: 0, records: batch() }] }];
    const answer = (await broker.ask(produce, version, { acks: -1, topicData }))!;
    expect(answer.responses[0]!.partitionResponses[0]).toMatchObject({ errorCode, baseOffset: -1n });
  });

  test.each([-2, 2, 100])("acks=%i is refused with 21", async (acks) => {
    const broker = await brokerWithTopic();
    expect(await produceTo(broker, 9, batch(), { acks })).toMatchObject({ errorCode: 21 });
    expect(broker.appends).toEqual([]);
  });

  test("acks=0 gets no answer when it worked and a closed connection when it did not", async () => {
    const broker = await brokerWithTopic();
    expect(await produceTo(broker, 9, batch(), { acks: 0 })).toBeUndefined();
    expect(broker.appends).toHaveLength(1);
    await expect(produceTo(broker, 9, batch(), { acks: 0 }, 9)).rejects.toThrow("acks=0");
  });

  test("a transactional batch without a transactional id is refused", async () => {
    const broker = await brokerWithTopic();
    const transactional = batch({ attributes: 0x10, producerId: 1n, producerEpoch: 0, baseSequence: 0 });
    expect(await produceTo(broker, 9, transactional)).toMatchObject({ errorCode: 53 });
    expect(broker.appends).toEqual([]);
  });

  test("an error of the leader is passed on, and a partition that it does not know makes the broker ask the controller again", async () => {
    const broker = await brokerWithTopic();
    broker.appendError = 45;
    expect(await produceTo(broker, 9, batch())).toMatchObject({ errorCode: 45, baseOffset: -1n });
    expect(broker.catalog.knownByName("t")).toBeDefined();
    broker.appendError = 3;
    expect(await produceTo(broker, 9, batch())).toMatchObject({ errorCode: 3 });
    expect(broker.catalog.knownByName("t")).toBeUndefined();
  });
});

describe("records that are refused", () => {
  const edited = (edit: (view: DataView) => void, seal = true) => {
    const bytes = batch({ values: ["a", "b"] });
    edit(new DataView(bytes.buffer));
    return seal ? sealCrc(bytes) : bytes;
  };
  const twice = (bytes: Uint8Array) => {
    const both = new Uint8Array(bytes.length * 2);
    both.set(bytes);
    both.set(bytes, bytes.length);
    return both;
  };

  test.each<[string, Uint8Array | null, number]>([
    ["none", null, 87],
    ["no bytes", new Uint8Array(0), 87],
    ["two batches", twice(batch()), 87],
    ["a bad CRC", edited((view) => view.setUint32(17, 1), false), 2],
    ["half a batch", batch().subarray(0, 40), 2],
    ["a length beyond the end", edited((view) => view.setInt32(8, 10_000)), 2],
    ["magic 1", edited((view) => view.setInt8(16, 1)), 87],
    ["a base offset", edited((view) => view.setBigInt64(0, 5n)), 87],
    ["a count that lies", edited((view) => view.setInt32(57, 3)), 87],
    ["no records", edited((view) => view.setInt32(57, 0)), 87],
    ["control records", batch({ attributes: 0x20 }), 87],
    ["a codec that does not exist", batch({ attributes: 6 }), 76],
    ["a producer without a sequence", batch({ producerId: 5n, producerEpoch: 0, baseSequence: -1 }), 87],
    ["LogAppendTime chosen by the producer", batch({ attributes: 0x08 }), 32],
  ])("[I9] %s", async (_what, records, errorCode) => {
    const broker = await brokerWithTopic();
    const refused = await produceTo(broker, 9, records);
    expect(refused).toMatchObject({ errorCode, baseOffset: -1n });
    expect(refused!.errorMessage).toBeTruthy();
    expect(broker.appends).toEqual([]);
  });

  test("zstd needs v7", async () => {
    const broker = await brokerWithTopic();
    const records = batch({ attributes: zstd });
    expect(await produceTo(broker, 6, records)).toMatchObject({ errorCode: 76 });
    expect(await produceTo(broker, 7, records)).toMatchObject({ errorCode: 0 });
  });

  test("a batch above max.message.bytes is 10, one at the limit is taken", async () => {
    const records = batch({ values: ["x".repeat(500)] });
    const broker = await brokerWithTopic({ "max.message.bytes": String(records.length) });
    expect(await produceTo(broker, 9, records)).toMatchObject({ errorCode: 0 });
    expect(await produceTo(broker, 9, batch({ values: ["x".repeat(501)] }))).toMatchObject({ errorCode: 10 });
  });

  test.each([
    ["uncompressed", batch({ values: ["a", "b", "c"], keys: ["k", null, null] })],
    ["gzip", gzipped(["a", "b", "c"], ["k", null, null])],
  ])("a compacted topic wants keys: %s", async (_codec, records) => {
    const broker = await brokerWithTopic({ "cleanup.policy": "compact" });
    const refused = await produceTo(broker, 8, records);
    expect(refused).toMatchObject({ errorCode: 87 });
    expect(refused!.recordErrors.map(({ batchIndex }) => batchIndex)).toEqual([1, 2]);
    expect(refused!.recordErrors[0]!.batchIndexErrorMessage).toBe("Compacted topic cannot accept message without key.");
  });

  test("a compacted topic takes keyed records, compressed too", async () => {
    const broker = await brokerWithTopic({ "cleanup.policy": "compact" });
    expect(await produceTo(broker, 8, gzipped(["a"], ["k"]))).toMatchObject({ errorCode: 0, baseOffset: 0n });
    expect(await produceTo(broker, 8, batch({ keys: ["k"] }))).toMatchObject({ errorCode: 0, baseOffset: 1n });
    expect(broker.appends).toHaveLength(2);
    const damaged = batch({ attributes: gzip, body: new Uint8Array([1, 2, 3]) });
    expect(await produceTo(broker, 8, damaged)).toMatchObject({ errorCode: 2 });
  });

  test.each<[string, Record<string, string>, number[], number[]]>([
    ["an hour ahead is the limit", {}, [now, now + hour + 1], [1]],
    ["a wider limit", { "message.timestamp.after.max.ms": "86400000" }, [now + hour + 1, now + 25 * hour], [1]],
    ["a limit behind", { "message.timestamp.before.max.ms": "1000" }, [now - 1001, now - 1000, now - 2000], [0, 2]],
  ])("timestamps: %s", async (_what, configs, timestamps, blamed) => {
    const broker = await brokerWithTopic(configs);
    const refused = await produceTo(broker, 8, batch({ values: timestamps.map(String), timestamps }));
    expect(refused).toMatchObject({ errorCode: 32 });
    expect(refused!.recordErrors.map(({ batchIndex }) => batchIndex)).toEqual(blamed);
    const good = timestamps.filter((_, index) => !blamed.includes(index));
    expect(await produceTo(broker, 8, batch({ values: good.map(String), timestamps: good }))).toMatchObject({ errorCode: 0 });
  });

  test.each([
    ["too low", 5n],
    ["too high", BigInt(now + 100 * hour)],
  ])("a batch whose header lies about its highest timestamp is put right: %s", async (_how, maxTimestamp) => {
    const broker = await brokerWithTopic();
    expect(await produceTo(broker, 8, batch({ values: ["a", "b"], timestamps: [now, now - 7], maxTimestamp }))).toMatchObject({
      errorCode: 0,
    });
    const [item] = broker.appends[0]!;
    expect(new DataView(item!.records.buffer, item!.records.byteOffset).getBigInt64(35)).toBe(BigInt(now));
    expect(item!.batches[0]!.maxTimestamp).toBe(now);
    expect(await produceTo(broker, 8, item!.records)).toMatchObject({ errorCode: 0 });
  });

  test.each(["uncompressed", "gzip", "snappy", "lz4", "zstd"])(
    "compression.type=%s is what batches rest in, whatever the producer chose",
    async (compressionType) => {
      const broker = await brokerWithTopic({ "compression.type": compressionType });
      const values = Array.from({ length: 20 }, (_, index) => `value ${index} `.repeat(20));
      for (const records of [batch({ values }), gzipped(values)]) {
        expect(await produceTo(broker, 8, records)).toMatchObject({ errorCode: 0 });
      }
      const codec = ["uncompressed", "gzip", "snappy", "lz4", "zstd"].indexOf(compressionType);
      for (const items of broker.appends) {
        const [item] = items;
        const result = kernel.validate(item!.records, { keysRequired: false, batchSizeMax: 1_000_000 });
        expect(result).toMatchObject({ ok: true, batches: [{ size: item!.records.length, offsetCount: 20 }] });
        expect(item!.batches[0]).toMatchObject({ size: item!.records.length, attributes: codec });
        const header = kernel.batches(item!.records)[0]!;
        const body = await batchBody(header, item!.records);
        expect(kernel.records(header, body).map(({ value }) => new TextDecoder().decode(value!))).toEqual(values);
      }
    },
  );

  test("a batch that grows beyond the limit when it is unpacked is 10", async () => {
    const broker = await brokerWithTopic({ "compression.type": "uncompressed", "max.message.bytes": "500" });
    expect(await produceTo(broker, 8, gzipped(["x".repeat(1000)]))).toMatchObject({ errorCode: 10 });
    expect(broker.appends).toEqual([]);
  });

  test("min.insync.replicas is accepted, and asks for no more than is there", async () => {
    const broker = await brokerWithTopic({ "min.insync.replicas": "3" });
    expect(await produceTo(broker, 9, batch(), { acks: -1 })).toMatchObject({ errorCode: 0, baseOffset: 0n });
  });

  test("a topic with LogAppendTime stamps the batch, tells the time and asks for no other", async () => {
    const broker = await brokerWithTopic({ "message.timestamp.type": "LogAppendTime" });
    const answer = await produceTo(broker, 8, batch({ timestamps: [now + 100 * hour] }));
    expect(answer).toMatchObject({ errorCode: 0, logAppendTimeMs: BigInt(now) });
    const [item] = broker.appends[0]!;
    const view = new DataView(item!.records.buffer, item!.records.byteOffset);
    expect(view.getInt16(21) & 0x08).toBe(0x08);
    expect(view.getBigInt64(35)).toBe(BigInt(now));
    expect(item!.batches[0]).toMatchObject({ maxTimestamp: now, attributes: 0x08 });
  });
});
