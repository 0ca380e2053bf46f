/**
 * Stock clients beside those on the wire: kafkajs with transactions (of the first version) and as a member of a group, and
 * @platformatic/kafka as an idempotent producer. What they do when connections break is theirs; here is only written down what they were
 * asked and what they said.
 */
import { connect } from "node:net";
import { Producer as PlatformaticProducer, stringSerializers } from "@platformatic/kafka";
import { type Consumer, Kafka, logLevel } from "kafkajs";
import type { Stage } from "./stage.ts";
import { nameOf, padded, placesOf, valueIn } from "./topics.ts";

function kafkaJs(stage: Stage): Kafka {
  return new Kafka({
    clientId: "kafkajs",
    brokers: stage.bootstrap,
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 20 },
    socketFactory: ({ host, port, onConnect }) => {
      const socket = connect({ host, port }, onConnect);
      stage.adopt(socket);
      return socket;
    },
  });
}

/** Each failure makes an end of the producer; the next one fences it. */
export async function produceWithKafkaJs(stage: Stage, transactionalId: string): Promise<void> {
  const { random } = stage;
  let count = 0;
  for (let instance = 0; !stage.isOver; instance++) {
    const stream = `${transactionalId}.${instance}`;
    const producer = kafkaJs(stage).producer({
      transactionalId,
      idempotent: true,
      maxInFlightRequests: 1,
      transactionTimeout: 30_000,
    });
    try {
      await producer.connect();
      while (!stage.isOver) {
        const open = await producer.transaction();
        const transaction = `${stream}.${count}`;
        for (const place of placesOf("ledger").slice(random.between(0, 4))) {
          const value = `${transaction}.${count++}`;
          const { topic, partition } = place;
          stage.record({ kind: "sent", value, partition: nameOf(place), stream, transaction });
          const [told] = await open.send({ topic, messages: [{ value: padded(value, random), partition }] });
          stage.record({ kind: "acknowledged", value, offset: Number(told?.baseOffset) });
        }
        count += 1;
        const commit = random.chance(0.7);
        stage.record({ kind: "ending", transaction, commit });
        await (commit ? open.commit() : open.abort());
        stage.record({ kind: "ended", transaction, commit });
      }
    } catch {
      await stage.pause();
    }
    await producer.disconnect().catch(() => {});
  }
}

/** Once it runs it looks after itself; one that a kill met before that gives up after a while, and another takes its place. */
export async function consumeWithKafkaJs(stage: Stage, groupId: string): Promise<void> {
  while (!stage.isOver) {
    const consumer = kafkaJs(stage).consumer({ groupId, maxWaitTimeInMs: 200, sessionTimeout: 6000, heartbeatInterval: 1000 });
    try {
      await begin(stage, consumer, groupId);
      while (!stage.isOver) await stage.pause();
    } catch {
      await stage.pause();
    }
    await consumer.disconnect().catch(() => {});
  }
}

async function begin(stage: Stage, consumer: Consumer, groupId: string): Promise<void> {
  // Whatever it asks for: of the aborted transactions it is told of it takes one per record, so where two begin before the first record
  // it shows records of the second.
  const isolation = "read_uncommitted";
  await consumer.connect();
  await consumer.subscribe({ topic: "ledger", fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ topic, partition, message }) => {
      const place = nameOf({ topic, partition });
      const [offset, value] = [Number(message.offset), valueIn(message.value)];
      stage.record({ kind: "delivered", reader: groupId, isolation, partition: place, offset, value });
    },
  });
}

export async function produceWithPlatformatic(stage: Stage, name: string): Promise<void> {
  const bootstrapBrokers = stage.bootstrap;
  for (let instance = 0, count = 0; !stage.isOver; instance++) {
    const producer = new PlatformaticProducer({
      clientId: name,
      bootstrapBrokers,
      serializers: stringSerializers,
      idempotent: true,
      retries: 0,
    });
    const stream = `${name}.${instance}`;
    try {
      while (!stage.isOver) {
        const place = stage.random.pick(placesOf("plain"));
        const { topic, partition } = place;
        const value = `${stream}.${count++}`;
        stage.record({ kind: "sent", value, partition: nameOf(place), stream });
        const { offsets } = await producer.send({ messages: [{ topic, partition, value: padded(value, stage.random) }] });
        stage.record({ kind: "acknowledged", value, offset: Number(offsets?.[0]?.offset) });
      }
    } catch {
      await stage.pause();
    }
    await producer.close(true).catch(() => {});
  }
}
