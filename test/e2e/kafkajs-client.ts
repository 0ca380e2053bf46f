/** kafkajs with its own defaults (but for shorter fetches), and nothing of it left running when a test ends. */
import {
  Kafka,
  logLevel,
  type Admin,
  type Consumer,
  type ConsumerConfig,
  type EachMessagePayload,
  type Producer,
  type ProducerConfig,
} from "kafkajs";
import type { TestContext } from "vitest";

export type AtEnd = TestContext["onTestFinished"];

export class KafkaJs {
  readonly #kafka: Kafka;
  readonly #atEnd: AtEnd;

  constructor(bootstrap: string, atEnd: AtEnd) {
    this.#kafka = new Kafka({ clientId: "kafkajs", brokers: [bootstrap], logLevel: logLevel.NOTHING });
    this.#atEnd = atEnd;
  }

  async producer(config: ProducerConfig = {}): Promise<Producer> {
    const producer = this.#kafka.producer(config);
    this.#atEnd(() => producer.disconnect());
    await producer.connect();
    return producer;
  }

  async admin(): Promise<Admin> {
    const admin = this.#kafka.admin();
    this.#atEnd(() => admin.disconnect());
    await admin.connect();
    return admin;
  }

  /** Connected, and neither subscribed nor running. It fetches for half a second at most: kafkajs sees what happens only in between. */
  async consumer(groupId: string, config: Partial<ConsumerConfig> = {}): Promise<Consumer> {
    const consumer = this.#kafka.consumer({ groupId, maxWaitTimeInMs: 500, ...config });
    this.#atEnd(() => consumer.disconnect());
    await consumer.connect();
    return consumer;
  }

  /**
   * A member of a group that reads a topic from the first record that nobody committed. kafkajs looks for a rebalance and for its
   * end only between fetches, which would otherwise wait five seconds each.
   */
  async member(groupId: string, topic: string, config: Partial<ConsumerConfig> = { maxWaitTimeInMs: 500 }): Promise<KafkaJsMember> {
    const consumer = this.#kafka.consumer({ groupId, ...config });
    const member = new KafkaJsMember(consumer, topic);
    this.#atEnd(() => consumer.disconnect());
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({ eachMessage: async (payload) => void member.payloads.push(payload) });
    return member;
  }
}

export class KafkaJsMember {
  readonly payloads: EachMessagePayload[] = [];
  /** Of the topic, in the newest generation. */
  partitions: readonly number[] = [];
  /** How often the group was balanced since this member came. */
  assignments = 0;
  readonly #consumer: Consumer;

  constructor(consumer: Consumer, topic: string) {
    this.#consumer = consumer;
    consumer.on("consumer.group_join", ({ payload }) => {
      this.partitions = payload.memberAssignment[topic] ?? [];
      this.assignments += 1;
    });
  }

  get values(): (string | null)[] {
    return this.payloads.map(({ message }) => message.value?.toString() ?? null);
  }

  /** Commits what was read, as kafkajs does, and leaves the group. */
  leave(): Promise<void> {
    return this.#consumer.disconnect();
  }
}
