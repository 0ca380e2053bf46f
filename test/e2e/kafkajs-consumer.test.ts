/** What kafkajs consumers do besides reading on: they pause, seek, commit by hand, follow patterns, crash and come back. */
import type { Consumer } from "kafkajs";
import { describe, test } from "vitest";
import { KafkaJs } from "./kafkajs-client.ts";
import { eventually, fast, sharedServer } from "./kante-process.ts";

const running = sharedServer({ args: fast });

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, index) => String(from + index));

async function produce(kafka: KafkaJs, topic: string, values: readonly string[], numPartitions = 1): Promise<void> {
  const admin = await kafka.admin();
  await admin.createTopics({ topics: [{ topic, numPartitions }] });
  const producer = await kafka.producer();
  const messages = values.map((value, index) => ({ value, partition: index % numPartitions }));
  if (messages.length > 0) await producer.send({ topic, messages });
}

/** Collects what comes, as it comes. */
async function read(consumer: Consumer): Promise<string[]> {
  const values: string[] = [];
  await consumer.run({ eachMessage: async ({ message }) => void values.push(String(message.value)) });
  return values;
}

describe.concurrent("kafkajs consumers", () => {
  test("read the latest only, unless told to begin at the beginning", async ({ expect, onTestFinished }) => {
    const kafka = new KafkaJs(running().bootstrap, onTestFinished);
    await produce(kafka, "begin", ["old"]);
    const latest = await kafka.consumer("latest");
    await latest.subscribe({ topic: "begin" });
    const earliest = await kafka.consumer("earliest");
    await earliest.subscribe({ topic: "begin", fromBeginning: true });
    const [late, early] = [await read(latest), await read(earliest)];
    await eventually(() => early.length === 1);
    // The position of a latest consumer is found by its first fetch: what is sent before may be old for it.
    const producer = await kafka.producer();
    await eventually(async () => {
      await producer.send({ topic: "begin", messages: [{ value: "new" }] });
      return late.length > 0;
    });
    expect(late).not.toContain("old");
    expect(early[0]).toBe("old");
  });

  test("pause, resume and seek", async ({ expect, onTestFinished }) => {
    const kafka = new KafkaJs(running().bootstrap, onTestFinished);
    await produce(kafka, "held", numbers(5));
    const consumer = await kafka.consumer("held");
    await consumer.subscribe({ topic: "held", fromBeginning: true });
    const values = await read(consumer);
    await eventually(() => values.length === 5);
    consumer.pause([{ topic: "held" }]);
    expect(consumer.paused()).toEqual([{ topic: "held", partitions: [0] }]);
    const producer = await kafka.producer();
    await producer.send({ topic: "held", messages: [{ value: "5" }] });
    consumer.resume([{ topic: "held" }]);
    await eventually(() => values.length === 6);
    consumer.seek({ topic: "held", partition: 0, offset: "2" });
    await eventually(() => values.length === 10);
    expect(values).toEqual([...numbers(6), ...numbers(4, 2)]);
  });

  test("commits by hand, with metadata; another goes on there", async ({ expect, onTestFinished }) => {
    const kafka = new KafkaJs(running().bootstrap, onTestFinished);
    await produce(kafka, "manual", numbers(6));
    const first = await kafka.consumer("manual");
    await first.subscribe({ topic: "manual", fromBeginning: true });
    const values: string[] = [];
    await first.run({ autoCommit: false, eachMessage: async ({ message }) => void values.push(String(message.value)) });
    await eventually(() => values.length === 6);
    await first.commitOffsets([{ topic: "manual", partition: 0, offset: "4", metadata: "four" }]);
    await first.disconnect();
    const admin = await kafka.admin();
    expect(await admin.fetchOffsets({ groupId: "manual", topics: ["manual"] })).toMatchObject([
      { partitions: [{ partition: 0, offset: "4", metadata: "four" }] },
    ]);
    const second = await kafka.member("manual", "manual");
    await eventually(() => second.payloads.length === 2);
    expect(second.values).toEqual(["4", "5"]);
  });

  test("eachBatch resolves record by record; what was resolved is not read again", async ({ expect, onTestFinished }) => {
    const kafka = new KafkaJs(running().bootstrap, onTestFinished);
    await produce(kafka, "batches", numbers(10));
    const first = await kafka.consumer("batches");
    await first.subscribe({ topic: "batches", fromBeginning: true });
    const values: string[] = [];
    let highWatermark = "";
    await first.run({
      eachBatchAutoResolve: false,
      eachBatch: async (payload) => {
        highWatermark = payload.batch.highWatermark;
        for (const message of payload.batch.messages.filter(({ offset }) => Number(offset) < 7)) {
          values.push(String(message.value));
          payload.resolveOffset(message.offset);
        }
        await payload.heartbeat();
        await payload.commitOffsetsIfNecessary(payload.uncommittedOffsets());
      },
    });
    await eventually(() => values.length >= 7);
    await first.disconnect();
    expect(values).toEqual(numbers(7));
    expect(highWatermark).toBe("10");
    const second = await kafka.member("batches", "batches");
    await eventually(() => second.payloads.length === 3);
    expect(second.values).toEqual(numbers(3, 7));
  });

  test("a handler that throws is given the record again, and no later one", async ({ expect, onTestFinished }) => {
    const kafka = new KafkaJs(running().bootstrap, onTestFinished);
    await produce(kafka, "retried", numbers(3));
    const consumer = await kafka.consumer("retried", { retry: { initialRetryTime: 20, retries: 5 } });
    await consumer.subscribe({ topic: "retried", fromBeginning: true });
    const values: string[] = [];
    await consumer.run({
      eachMessage: async ({ message }) => {
        values.push(String(message.value));
        if (values.length === 2) throw new Error("the handler is not ready");
      },
    });
    await eventually(() => values.length === 4);
    expect(values).toEqual(["0", "1", "1", "2"]);
  });

  test("topics by a pattern, and several at once", async ({ expect, onTestFinished }) => {
    const kafka = new KafkaJs(running().bootstrap, onTestFinished);
    for (const topic of ["log.a", "log.b", "other"]) await produce(kafka, topic, [topic]);
    const consumer = await kafka.consumer("pattern");
    await consumer.subscribe({ topics: [/^log\..*/], fromBeginning: true });
    const values = await read(consumer);
    await eventually(() => values.length === 2);
    const all = await kafka.consumer("several");
    await all.subscribe({ topics: ["log.a", "other"], fromBeginning: true });
    const both = await read(all);
    await eventually(() => both.length === 2);
    expect([values.toSorted(), both.toSorted()]).toEqual([
      ["log.a", "log.b"],
      ["log.a", "other"],
    ]);
  });

  test("partitions that are added are read after a rebalance", async ({ expect, onTestFinished }) => {
    const kafka = new KafkaJs(running().bootstrap, onTestFinished);
    await produce(kafka, "growing", ["a"]);
    const consumer = await kafka.consumer("growing", { metadataMaxAge: 500 });
    await consumer.subscribe({ topic: "growing", fromBeginning: true });
    const values = await read(consumer);
    await eventually(() => values.length === 1);
    const admin = await kafka.admin();
    await admin.createPartitions({ topicPartitions: [{ topic: "growing", count: 2 }] });
    const producer = await kafka.producer();
    await producer.send({ topic: "growing", messages: [{ value: "b", partition: 1 }] });
    await eventually(() => values.length === 2);
    expect(values).toEqual(["a", "b"]);
  });

  test("of three members one leaves and one comes; every partition has one reader each time", async ({
    expect,
    onTestFinished,
  }) => {
    const kafka = new KafkaJs(running().bootstrap, onTestFinished);
    await produce(kafka, "trio", [], 6);
    const members = await Promise.all([1, 2, 3].map(() => kafka.member("trio", "trio")));
    const shared = (count: number) =>
      eventually(() => {
        const owned = members.flatMap(({ partitions }) => partitions);
        return (
          owned.length === 6 && new Set(owned).size === 6 && members.every(({ partitions }) => partitions.length === 6 / count)
        );
      });
    await shared(3);
    await members.pop()?.leave();
    await shared(2);
    members.push(await kafka.member("trio", "trio"));
    await shared(3);
    expect(members).toHaveLength(3);
  });
});
