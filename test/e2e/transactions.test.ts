/**
 * Transactions of the clients that people use in Node. Both speak the first transaction version; their readers are read_committed by
 * default. Java's and librdkafka's are in test/clients.
 */
import { Kafka, logLevel, type EachMessagePayload, type Producer as KafkaJsProducer } from "kafkajs";
import { describe, test } from "vitest";
import type { AtEnd } from "./kafkajs-client.ts";
import { eventually, fast, sharedServer } from "./kante-process.ts";
import { Platformatic } from "./platformatic-client.ts";

const running = sharedServer({ args: fast });

interface Members {
  readonly committed: readonly string[];
  readonly uncommitted: readonly string[];
}

/** What readers of both isolation levels see of a topic, from its beginning. */
async function readers(kafka: Kafka, topic: string, atEnd: AtEnd): Promise<Members> {
  const read = async (readUncommitted: boolean) => {
    const values: string[] = [];
    const consumer = kafka.consumer({ groupId: `${topic}-${readUncommitted}`, readUncommitted, maxWaitTimeInMs: 200 });
    atEnd(() => consumer.disconnect());
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({ eachMessage: async ({ message }) => void values.push(String(message.value)) });
    return values;
  };
  return { committed: await read(false), uncommitted: await read(true) };
}

async function kafkaJs(topic: string, atEnd: AtEnd, partitions = 2) {
  const kafka = new Kafka({ clientId: "kafkajs", brokers: [running().bootstrap], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  atEnd(() => admin.disconnect());
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: partitions }] });
  return { kafka, admin };
}

async function transactional(kafka: Kafka, transactionalId: string, atEnd: AtEnd): Promise<KafkaJsProducer> {
  const producer = kafka.producer({ transactionalId, idempotent: true, maxInFlightRequests: 1 });
  atEnd(() => producer.disconnect());
  await producer.connect();
  return producer;
}

describe.concurrent("kafkajs", () => {
  test("what is committed is read, what is aborted is not", async ({ expect, onTestFinished }) => {
    const { kafka } = await kafkaJs("js.ends", onTestFinished);
    const producer = await transactional(kafka, "js.ends", onTestFinished);
    for (const value of ["one", "aborted", "two"]) {
      const transaction = await producer.transaction();
      for (const partition of [0, 1]) await transaction.send({ topic: "js.ends", messages: [{ value, partition }] });
      await (value === "aborted" ? transaction.abort() : transaction.commit());
    }
    const { committed, uncommitted } = await readers(kafka, "js.ends", onTestFinished);
    await eventually(() => committed.length >= 4 && uncommitted.length >= 6);
    expect(committed.toSorted()).toEqual(["one", "one", "two", "two"]);
    expect(uncommitted.toSorted()).toEqual(["aborted", "aborted", "one", "one", "two", "two"]);
  });

  test("a second producer with the id fences the first", async ({ expect, onTestFinished }) => {
    const { kafka } = await kafkaJs("js.fenced", onTestFinished);
    const zombie = await transactional(kafka, "js.fenced", onTestFinished);
    const open = await zombie.transaction();
    await open.send({ topic: "js.fenced", messages: [{ value: "zombie", partition: 0 }] });
    const producer = await transactional(kafka, "js.fenced", onTestFinished);
    const transaction = await producer.transaction();
    await transaction.send({ topic: "js.fenced", messages: [{ value: "alive", partition: 0 }] });
    await transaction.commit();
    await expect(open.commit()).rejects.toThrow();
    const { committed } = await readers(kafka, "js.fenced", onTestFinished);
    await eventually(() => committed.length >= 1);
    expect(committed).toEqual(["alive"]);
  });

  test("offsets go with the transaction, and a consume-transform-produce loop loses and repeats nothing", async ({
    expect,
    onTestFinished,
  }) => {
    const { kafka, admin } = await kafkaJs("js.from", onTestFinished, 1);
    await admin.createTopics({ topics: [{ topic: "js.to", numPartitions: 1 }] });
    const source = kafka.producer();
    onTestFinished(() => source.disconnect());
    await source.connect();
    const wanted = Array.from({ length: 40 }, (_, index) => `v${index}`);
    await source.send({ topic: "js.from", messages: wanted.map((value) => ({ value })) });
    const producer = await transactional(kafka, "js.loop", onTestFinished);
    const consumer = kafka.consumer({ groupId: "js.loop", maxWaitTimeInMs: 200 });
    onTestFinished(() => consumer.disconnect());
    await consumer.connect();
    await consumer.subscribe({ topic: "js.from", fromBeginning: true });
    let count = 0;
    const eachMessage = async ({ message, partition }: EachMessagePayload) => {
      const transaction = await producer.transaction();
      await transaction.send({ topic: "js.to", messages: [{ value: message.value }] });
      const offset = String(Number(message.offset) + 1);
      const topics = [{ topic: "js.from", partitions: [{ partition, offset }] }];
      await transaction.sendOffsets({ consumerGroupId: "js.loop", topics });
      count += 1;
      if (count % 7 === 0) {
        await transaction.abort();
        throw new Error("again, please");
      }
      await transaction.commit();
    };
    await consumer.run({ autoCommit: false, eachMessage });
    const { committed } = await readers(kafka, "js.to", onTestFinished);
    await eventually(() => committed.length >= wanted.length);
    expect(committed).toEqual(wanted);
    await eventually(async () => {
      const [offsets] = await admin.fetchOffsets({ groupId: "js.loop", topics: ["js.from"] });
      return offsets?.partitions[0]?.offset === "40";
    });
  });
});

describe.concurrent("@platformatic/kafka", () => {
  // Left to itself the library claims to be producer 0 of epoch 0, whom Kafka fences unless that is who has the id.
  const nobody = { producerId: -1n, producerEpoch: -1 };
  const options = (transactionalId: string) => ({ transactionalId, idempotent: true, autocreateTopics: true, ...nobody });

  test("what is committed is read, what is aborted is not", async ({ expect, onTestFinished }) => {
    const kafka = new Platformatic(running().bootstrap, onTestFinished);
    const producer = kafka.producer(options("plat.ends"));
    for (const value of ["one", "aborted", "two"]) {
      const transaction = await producer.beginTransaction();
      const messages = [0, 1].map((partition) => ({ topic: "plat.ends", value, partition }));
      await transaction.send({ messages });
      await (value === "aborted" ? transaction.abort() : transaction.commit());
    }
    const member = await kafka.member("plat.ends", "plat.ends");
    await eventually(() => member.values.length >= 4);
    expect(member.values.map(String).toSorted()).toEqual(["one", "one", "two", "two"]);
  });

  test("a second producer with the id fences the first", async ({ expect, onTestFinished }) => {
    const kafka = new Platformatic(running().bootstrap, onTestFinished);
    const zombie = kafka.producer({ ...options("plat.fenced"), retries: 0 });
    const open = await zombie.beginTransaction();
    await open.send({ messages: [{ topic: "plat.fenced", value: "zombie", partition: 0 }] });
    const producer = kafka.producer(options("plat.fenced"));
    const transaction = await producer.beginTransaction();
    await transaction.send({ messages: [{ topic: "plat.fenced", value: "alive", partition: 0 }] });
    await transaction.commit();
    await expect(open.commit()).rejects.toThrow();
    const member = await kafka.member("plat.fenced", "plat.fenced");
    await eventually(() => member.values.length >= 1);
    expect(member.values).toEqual(["alive"]);
  });
});
