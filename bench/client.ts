/**
 * The client library beside kafkajs and @platformatic/kafka, in this process and against the same server: each as its users would write
 * it, with its defaults and every record acknowledged by all. The library goes by WebSocket, the others by TCP. Records are handed over
 * a thousand at a time with five sends under way, and read as fast as each hands them out. And how long a lone record takes from `send` in
 * one client to the loop of another.
 */
import { Consumer as PlatformaticConsumer, Producer as PlatformaticProducer } from "@platformatic/kafka";
import { Kafka, Partitioners, logLevel } from "kafkajs";
import { connect } from "../client/client.ts";
import { withKante } from "./load/server.ts";
import { pipeline } from "./load/load-connection.ts";
import type { BenchOptions, Row } from "./row.ts";
import { mediansInTurns, percentile } from "./statistics.ts";

const recordsPerSend = 1000;
const sendsUnderWay = 5;
const partitions = 4;

interface Contestant {
  /** Records a second. */
  produce(topic: string, value: Buffer, records: number): Promise<number>;
  /** While it reads a topic from its beginning. */
  consume(topic: string, records: number): Promise<number>;
}

async function timed(records: number, work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return (records / (performance.now() - startMs)) * 1000;
}

/** Counts, and answers the rate behind the first eighth: joining a group and what was read ahead by then are left out. */
function meter(records: number): { readonly count: (more: number) => void; readonly rate: Promise<number> } {
  const { promise, resolve } = Promise.withResolvers<number>();
  let counted = 0;
  let startMs = 0;
  let before = 0;
  return {
    rate: promise,
    count(more) {
      counted += more;
      if (before === 0 && counted >= records / 8) {
        startMs = performance.now();
        before = counted;
      }
      if (counted >= records) resolve(((counted - before) / (performance.now() - startMs)) * 1000);
    },
  };
}

function ours(url: string): Contestant {
  return {
    async produce(topic, value, records) {
      await using client = connect(url);
      const producer = client.producer();
      const messages = Array.from({ length: recordsPerSend }, () => ({ value }));
      await producer.send(topic, messages);
      return await timed(records, async () => {
        await pipeline(records / recordsPerSend, sendsUnderWay, async () => await producer.send(topic, messages));
      });
    },
    async consume(topic, records) {
      await using client = connect(url);
      const { rate, count } = meter(records);
      let read = 0;
      for await (const _ of client.consumer({ topics: [topic], offsetReset: "earliest" })) {
        count(1);
        if (++read >= records) break;
      }
      return await rate;
    },
  };
}

function kafkajs(bootstrap: string): Contestant {
  const kafka = new Kafka({ clientId: "bench", brokers: [bootstrap], logLevel: logLevel.NOTHING });
  return {
    async produce(topic, value, records) {
      const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
      await producer.connect();
      const messages = Array.from({ length: recordsPerSend }, () => ({ value }));
      await producer.send({ topic, messages });
      const rate = await timed(records, async () => {
        await pipeline(records / recordsPerSend, sendsUnderWay, async () => await producer.send({ topic, messages }));
      });
      await producer.disconnect();
      return rate;
    },
    async consume(topic, records) {
      const consumer = kafka.consumer({ groupId: `kafkajs.${topic}.${performance.now()}` });
      await consumer.connect();
      await consumer.subscribe({ topic, fromBeginning: true });
      const { rate, count } = meter(records);
      await consumer.run({ eachBatch: async ({ batch }) => count(batch.messages.length) });
      const measured = await rate;
      await consumer.disconnect();
      return measured;
    },
  };
}

function platformatic(bootstrap: string): Contestant {
  const options = { clientId: "bench", bootstrapBrokers: [bootstrap] };
  return {
    async produce(topic, value, records) {
      const producer = new PlatformaticProducer(options);
      const messages = Array.from({ length: recordsPerSend }, () => ({ topic, value }));
      await producer.send({ messages });
      const rate = await timed(records, async () => {
        await pipeline(records / recordsPerSend, sendsUnderWay, async () => await producer.send({ messages }));
      });
      await producer.close(true);
      return rate;
    },
    async consume(topic, records) {
      const consumer = new PlatformaticConsumer({ ...options, groupId: `platformatic.${topic}.${performance.now()}` });
      const { rate, count } = meter(records);
      const stream = await consumer.consume({ topics: [topic], mode: "earliest" });
      stream.on("data", () => count(1));
      const measured = await rate;
      await consumer.close(true);
      return measured;
    },
  };
}

/** From `send` in one client to the loop of another that has waited for it: milliseconds. */
async function deliveries(url: string, topic: string, records: number): Promise<number[]> {
  await using writer = connect(url);
  await using reader = connect(url);
  const producer = writer.producer();
  await producer.send(topic, { value: "first" });
  const delays: number[] = [];
  let sentMs: number | undefined;
  for await (const _ of reader.consumer({ topics: [topic], offsetReset: "earliest" })) {
    if (sentMs !== undefined) delays.push(performance.now() - sentMs);
    if (delays.length === records) break;
    // Long enough for the next fetch to be waiting.
    await new Promise((resolve) => setTimeout(resolve, 20));
    sentMs = performance.now();
    producer.send(topic, { value: "next" }).catch(() => {});
  }
  return delays;
}

export async function run({ quick }: BenchOptions): Promise<Row[]> {
  const args = ["--set", "group.initial.rebalance.delay.ms=0", "--set", "log.level=error"];
  return await withKante({ args }, async ({ bootstrap, httpUrl }) => {
    const url = `${httpUrl}/c/default/kafka`;
    const contestants = { ours: ours(url), kafkajs: kafkajs(bootstrap), platformatic: platformatic(bootstrap) };
    await using client = connect(url);
    const rows: Row[] = [];
    for (const [size, count] of [[100, 800_000] as const, [1024, 200_000] as const]) {
      const records = quick ? count / 4 : count;
      const value = Buffer.alloc(size, 0x5a);
      for (const way of ["produce", "consume"] as const) {
        const topic = `${way}.${size}`;
        await client.admin().createTopics([{ name: topic, partitions }]);
        if (way === "consume") await contestants.ours.produce(topic, value, records);
        const once = async (contestant: Contestant): Promise<number> =>
          way === "produce" ? await contestant.produce(topic, value, records) : await contestant.consume(topic, records);
        const rates = await mediansInTurns(quick ? 1 : 3, {
          ours: async () => await once(contestants.ours),
          kafkajs: async () => await once(contestants.kafkajs),
          platformatic: async () => await once(contestants.platformatic),
        });
        for (const name of ["kafkajs", "platformatic"] as const) {
          const title = name === "kafkajs" ? name : "@platformatic/kafka";
          rows.push({
            name: `${way}, ${size} B records`,
            value: rates.ours,
            unit: "records/s",
            ratio: rates.ours / rates[name],
            against: `${title} (${rates[name].toFixed(0)} records/s)`,
            budget: { of: "ratio", atLeast: 1 },
          });
        }
      }
    }
    await client.admin().createTopics([{ name: "delivery", partitions: 1 }]);
    const delays = await deliveries(url, "delivery", quick ? 20 : 200);
    for (const share of [0.5, 0.99]) {
      rows.push({
        name: `a lone record from one client to another, p${share * 100}`,
        value: percentile(delays, share),
        unit: "ms",
        budget: { of: "value", atMost: 1000 },
      });
    }
    return rows;
  });
}
