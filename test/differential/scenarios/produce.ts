/** Produce: what is taken and what is refused, how sequences are judged, and what the log then holds. */
import { produce } from "../../../protocol/messages/00-produce.ts";
import { fetch } from "../../../protocol/messages/01-fetch.ts";
import { initProducerId } from "../../../protocol/messages/22-init-producer-id.ts";
import { describeProducers } from "../../../protocol/messages/61-describe-producers.ts";
import { type Producing, batch } from "../../handlers/records.ts";
import { concat, sealCrc } from "../../kernel/batch-builder.ts";
import { scenario, type Scenario, type Script } from "../script.ts";
import { type ProducingTo, type Topic, compressed, damaged, fetchRequest, produceRequest } from "./records.ts";

const unknownId = "12345678-9abc-4def-8123-456789abcdef";

async function newTopic(script: Script, configs: Readonly<Record<string, string>> = {}, name = "t"): Promise<Topic> {
  const unique = script.unique(name);
  return { name: unique, id: await script.createTopic(unique, { configs }) };
}

async function send(script: Script, label: string, topic: Topic, records: Uint8Array | null, to?: ProducingTo): Promise<void> {
  await script.tryCall(label, produce, produceRequest(script, topic, records, to));
}

async function readBack(script: Script, topic: Topic): Promise<void> {
  await script.call("what is read back", fetch, fetchRequest(script, topic));
}

/** Changes one byte of a batch and gives it a checksum that fits. */
function changed(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = value;
  return sealCrc(copy);
}

/** Not among them: no record set at all, which Kafka never answers. */
const malformed: readonly (readonly [label: string, records: Uint8Array | null])[] = [
  ["an empty record set", new Uint8Array(0)],
  ["a wrong checksum", damaged(batch())],
  ["magic 3", batch({ magic: 3 })],
  ["magic 1", batch({ magic: 1 })],
  ["a batch that is cut", batch().subarray(0, 50)],
  ["half a header", batch().subarray(0, 10)],
  ["two batches", concat([batch(), batch()])],
  ["a batch and a piece", concat([batch(), batch().subarray(0, 20)])],
  ["bytes that are none", new Uint8Array(100)],
  [
    "a length too small",
    (() => {
      const bytes = batch().slice();
      new DataView(bytes.buffer).setInt32(8, 3);
      return bytes;
    })(),
  ],
  ["no records in it", batch({ values: [], timestamps: [0], lastOffsetDelta: 0 })],
  ["a count too high", batch({ values: ["a", "b"], count: 3, lastOffsetDelta: 2 })],
  ["a count too low", batch({ values: ["a", "b"], count: 1, lastOffsetDelta: 0 })],
  ["a last offset that is no count", batch({ values: ["a", "b"], lastOffsetDelta: 5 })],
  ["a base offset", batch({ baseOffset: 7n })],
  ["a control batch", batch({ attributes: 0x20 })],
  ["an unknown codec", batch({ attributes: 7 })],
  ["attributes that mean nothing", batch({ attributes: 0x400 })],
  ["records that are no records", batch({ body: new Uint8Array([40, 1, 2, 3]) })],
  ["log append time said by the client", batch({ attributes: 0x08 })],
];

export const produceScenarios: readonly Scenario[] = [
  scenario(produce, "good batches", async (script, version) => {
    const topic = await newTopic(script);
    await send(script, "one", topic, batch({ values: ["a"], keys: ["k"] }));
    await send(script, "three", topic, batch({ values: ["b", "c", "d"] }));
    await send(script, "with acks 1", topic, batch({ values: ["e"] }), { acks: 1 });
    await send(script, "gzip", topic, compressed("gzip"));
    await send(script, "zstd", topic, compressed("zstd"));
    await readBack(script, topic);
    if (version >= 3) await script.call("nothing", produce, { acks: -1, timeoutMs: 100 });
  }),
  scenario(produce, "acks", async (script) => {
    const topic = await newTopic(script);
    const wire = script.wire();
    const silent = wire.encode(
      produce,
      script.versionOf(produce),
      produceRequest(script, topic, batch({ values: ["quiet"] }), { acks: 0 }),
    );
    script.record("acks 0", await wire.exchange(silent, 300));
    await send(script, "after acks 0", topic, batch({ values: ["loud"] }));
    await send(script, "acks 2", topic, batch(), { acks: 2 });
    await send(script, "acks -2", topic, batch(), { acks: -2 });
    await readBack(script, topic);
    const refused = wire.encode(produce, script.versionOf(produce), produceRequest(script, topic, damaged(batch()), { acks: 0 }));
    script.record("acks 0, refused", await wire.exchange(refused, 300));
  }),
  scenario(produce, "unknown topics and partitions", async (script, version) => {
    const topic = await newTopic(script);
    await send(script, "a partition that is none", topic, batch(), { partition: 9 });
    await send(script, "a negative partition", topic, batch(), { partition: -1 });
    await send(script, "an unknown topic", { name: script.unique("none"), id: unknownId }, batch());
    if (version < 13)
      for (const name of ["a b", ""]) await send(script, `a topic named '${name}'`, { name, id: unknownId }, batch());
    await send(script, "one of Kafka's own", { name: "__consumer_offsets", id: unknownId }, batch());
    if (version < 13) {
      const part = { index: 0, records: batch() };
      await script.tryCall("a partition twice", produce, {
        acks: -1,
        timeoutMs: 5000,
        topicData: [{ name: topic.name, partitionData: [part, part] }],
      });
      await script.tryCall("a topic twice", produce, {
        acks: -1,
        timeoutMs: 5000,
        topicData: [
          { name: topic.name, partitionData: [part] },
          { name: topic.name, partitionData: [part] },
        ],
      });
    }
  }),
  ...malformed.map(([label, records]) =>
    scenario(produce, label, async (script) => {
      const topic = await newTopic(script);
      await send(script, "refused or taken", topic, records);
      await readBack(script, topic);
    }),
  ),
  scenario(
    produce,
    "magic 0 and 1, as producers of old",
    async (script) => {
      const topic = await newTopic(script);
      const old = new Uint8Array(34);
      const view = new DataView(old.buffer);
      view.setInt32(8, 22);
      view.setInt8(16, 1);
      await send(script, "a message set of magic 1", topic, old);
    },
    [3, 9],
  ),
  scenario(produce, "sizes", async (script) => {
    const topic = await newTopic(script, { "max.message.bytes": "200" });
    await send(script, "small enough", topic, batch({ values: ["x".repeat(100)] }));
    await send(script, "too large", topic, batch({ values: ["x".repeat(200)] }));
    await send(script, "too large, compressed to little", topic, compressed("gzip", { values: ["x".repeat(5000)] }));
    await readBack(script, topic);
  }),
  scenario(produce, "timestamps", async (script) => {
    const now = Date.now();
    const topic = await newTopic(script, {
      "message.timestamp.before.max.ms": "100000",
      "message.timestamp.after.max.ms": "100000",
    });
    const at = (label: string, ...timestamps: number[]) =>
      send(script, label, topic, batch({ values: timestamps.map(String), timestamps }));
    await at("now", now);
    await at("too old", now - 500_000);
    await at("too new", now + 500_000);
    await at("one of three too old", now, now - 500_000, now);
    await at("none", -1);
    await send(
      script,
      "a wrong highest timestamp",
      topic,
      batch({ values: ["a", "b"], timestamps: [now, now + 1], maxTimestamp: BigInt(now + 7) }),
    );
    const free = await newTopic(script, {}, "free");
    await send(script, "long ago", free, batch({ timestamps: [5] }));
    await send(script, "no timestamp", free, batch({ timestamps: [-1] }));
    await send(
      script,
      "a wrong highest timestamp, where all are welcome",
      free,
      batch({ values: ["a", "b"], timestamps: [1000, 1001], maxTimestamp: 5000n }),
    );
    await send(script, "far in the future", free, batch({ timestamps: [now + 100_000_000] }));
    await readBack(script, free);
  }),
  scenario(produce, "LogAppendTime", async (script) => {
    const topic = await newTopic(script, { "message.timestamp.type": "LogAppendTime" });
    await send(script, "plain", topic, batch({ values: ["a", "b"], timestamps: [5, 6] }));
    await send(script, "compressed", topic, compressed("gzip"));
    await readBack(script, topic);
  }),
  scenario(produce, "another compression", async (script) => {
    const topic = await newTopic(script, { "compression.type": "gzip" });
    await send(script, "plain", topic, batch({ values: ["a", "b"] }));
    await send(script, "zstd", topic, compressed("zstd"));
    await send(script, "gzip", topic, compressed("gzip"));
    const plain = await newTopic(script, { "compression.type": "uncompressed" }, "plain");
    await send(script, "gzip to be opened", plain, compressed("gzip"));
    await readBack(script, topic);
    await script.call("what is read back, opened", fetch, fetchRequest(script, plain));
  }),
  scenario(
    produce,
    "zstd in versions of old",
    async (script) => {
      const topic = await newTopic(script);
      await send(script, "refused", topic, compressed("zstd"));
    },
    [3, 6],
  ),
  scenario(produce, "compacted topics", async (script) => {
    const topic = await newTopic(script, { "cleanup.policy": "compact" });
    await send(script, "with keys", topic, batch({ values: ["a", "b"], keys: ["k", "l"] }));
    await send(script, "without keys", topic, batch({ values: ["a", "b"] }));
    await send(script, "one without a key", topic, batch({ values: ["a", "b", "c"], keys: ["k", null, "m"] }));
    await send(script, "compressed, without keys", topic, compressed("gzip"));
    await readBack(script, topic);
  }),
  scenario(produce, "sequences", async (script, version) => {
    const topic = await newTopic(script);
    const { producerId } = await script.ask(
      initProducerId,
      { transactionalId: null, transactionTimeoutMs: 60_000 },
      { version: 4 },
    );
    const at = (label: string, baseSequence: number, more: Producing = {}) =>
      send(script, label, topic, batch({ values: ["a", "b"], producerId, producerEpoch: 0, baseSequence, ...more }));
    await at("the first not at zero", 5);
    await at("the first", 0);
    await at("the first again", 0);
    await at("the second", 2);
    await at("a gap", 9);
    await at("the same begin, another length", 2, { values: ["a"] });
    for (let sequence = 4; sequence <= 12; sequence += 2) await at(`sequence ${sequence}`, sequence);
    await at("older than the last five", 0);
    await at("the fifth last", 4);
    await at("a newer epoch not at zero", 3, { producerEpoch: 1 });
    await at("a newer epoch", 0, { producerEpoch: 1 });
    await at("the old epoch", 14);
    await at("no sequence with a producer", -1);
    await at("no epoch with a producer", 2, { producerEpoch: -1 });
    await at("a negative producer with a sequence", 0, { producerId: -2n });
    await at("a transactional batch", 2, { producerEpoch: 1, attributes: 0x10 });
    await send(script, "a sequence of nobody", topic, batch({ producerId: -1n, baseSequence: 3 }));
    if (version < 13)
      await script.call("the producers", describeProducers, { topics: [{ name: topic.name, partitionIndexes: [0] }] });
    await readBack(script, topic);
  }),
  scenario(produce, "sequences that wrap", async (script) => {
    const topic = await newTopic(script);
    const { producerId } = await script.ask(
      initProducerId,
      { transactionalId: null, transactionTimeoutMs: 60_000 },
      { version: 4 },
    );
    const at = (label: string, baseSequence: number, values: readonly string[]) =>
      send(script, label, topic, batch({ values, producerId, producerEpoch: 0, baseSequence }));
    await at("at the end without a beginning", 0x7fffffff, ["a"]);
    await at("the first", 0, ["a"]);
    await at("at the end", 0x7ffffffe, ["a", "b", "c"]);
  }),
  scenario(produce, "a transactional id", async (script) => {
    const topic = await newTopic(script);
    await send(script, "with a plain batch", topic, batch(), { transactionalId: script.unique("x") });
    await send(
      script,
      "a producer that was never given out",
      topic,
      batch({ producerId: 123_456_789n, producerEpoch: 0, baseSequence: 0 }),
    );
    await send(script, "a changed byte that keeps its sum", topic, changed(batch(), 22, 0x40));
  }),
  scenario(describeProducers, "of partitions", async (script) => {
    const topic = await newTopic(script);
    await script.call("none", describeProducers, { topics: [{ name: topic.name, partitionIndexes: [0] }] });
    await script.call("a partition that is none", describeProducers, { topics: [{ name: topic.name, partitionIndexes: [0, 9] }] });
    await script.call("an unknown topic", describeProducers, { topics: [{ name: script.unique("none"), partitionIndexes: [0] }] });
    await script.call("a bad name", describeProducers, { topics: [{ name: "a b", partitionIndexes: [0] }] });
    await script.call("nothing", describeProducers, { topics: [] });
  }),
];
