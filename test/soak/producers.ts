/**
 * Who writes in a soak, each at its own pace and with its own codec: Kante's client (idempotent, transactional, keyed), kafkajs and
 * @platformatic/kafka. No value is handed over twice, so one that comes twice was doubled on its way.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { ProduceAcks, Producer as PlatformaticProducer, stringSerializers } from "@platformatic/kafka";
import { CompressionTypes, Kafka, logLevel } from "kafkajs";
import { connect as connectSocket } from "node:net";
import { type Client, type Compression, type Producer, connect, string } from "../../client/client.ts";
import type { Stage } from "../history/stage.ts";
import type { Accounts } from "./accounts.ts";
import { nameOf, topics } from "./topics.ts";
import { valueOf } from "./values.ts";

export interface Soak {
  readonly stage: Stage;
  readonly accounts: Accounts;
  /** What each key was given last, and whether that is sure. */
  readonly keys: Map<string, { readonly id: number; readonly isSure: boolean }>;
  /** No producer will hear of anything more. */
  isAllTold: boolean;
}

const valueBytes = 1000;
const keyCount = 200;

export function openClient(stage: Stage): Client {
  return connect(`ws://127.0.0.1:${stage.httpPort}/c/default/kafka`, { webSocket: WebSocket });
}

/** A round every so often, whatever the round before has come to; they may overlap as far as the client allows. */
async function paced(stage: Stage, everyMs: number, round: () => Promise<void>): Promise<void> {
  const open = new Set<Promise<void>>();
  while (!stage.isOver) {
    const next = sleep(everyMs);
    if (open.size < 4) {
      const turn = round().catch(() => {});
      open.add(turn);
      void turn.then(() => open.delete(turn));
    }
    await next;
  }
  await Promise.all(open);
}

function sendAll(
  { accounts }: Soak,
  producer: Pick<Producer<string, string>, "send">,
  topic: string,
  partition: number,
  count: number,
): Promise<unknown> {
  return Promise.allSettled(
    Array.from({ length: count }, async () => {
      const id = accounts.send(Date.now());
      const told = await producer.send(topic, { value: valueOf(id, valueBytes), partition });
      accounts.acknowledge(nameOf(topic, told.partition), told.offset, id);
    }),
  );
}

/** Idempotent, one partition after the other. */
export async function produceSteadily(soak: Soak, compression: Compression, topic: "timed" | "sized"): Promise<void> {
  const client = openClient(soak.stage);
  const producer = client.producer({ key: string, value: string, compression });
  let turn = 0;
  await paced(soak.stage, 250, async () => {
    turn += 1;
    await sendAll(soak, producer, topic, turn % topics[topic], 50);
  });
  await client.close();
}

/** A failure makes an end of the producer; whether its last transaction was committed nobody asks. */
export async function produceTransactions(soak: Soak): Promise<void> {
  const { stage, accounts } = soak;
  const client = openClient(stage);
  while (!stage.isOver) {
    const producer = client.producer({ transactionalId: "soak", value: string, compression: "lz4" });
    try {
      while (!stage.isOver) {
        const open = await producer.beginTransaction();
        const sent: { readonly id: number; readonly place: string; readonly offset: number }[] = [];
        for (let partition = 0; partition < topics.ledger; partition++) {
          const told = await Promise.all(
            Array.from({ length: 10 }, async () => {
              const id = accounts.send(Date.now());
              const { offset } = await open.send("ledger", { value: valueOf(id, valueBytes), partition });
              return { id, place: nameOf("ledger", partition), offset };
            }),
          );
          sent.push(...told);
        }
        if (stage.random.chance(0.7)) {
          await open.commit();
          for (const { id, place, offset } of sent) accounts.acknowledge(place, offset, id);
        } else {
          await open.abort();
          accounts.abort(sent.map(({ id }) => id));
        }
        await sleep(300);
      }
    } catch {
      await stage.pause();
    }
    await producer.close().catch(() => {});
  }
  await client.close();
}

/** A few keys, over and over: what came last must be found, whatever is compacted. */
export async function produceKeys({ stage, accounts, keys }: Soak): Promise<void> {
  const client = openClient(stage);
  const producer = client.producer({ key: string, value: string });
  while (!stage.isOver) {
    const names = Array.from({ length: 20 }, () => `key-${stage.random.between(1, keyCount)}`);
    await Promise.all(
      [...new Set(names)].map(async (key) => {
        const id = accounts.send(Date.now());
        keys.set(key, { id, isSure: false });
        try {
          const partition = Number(key.slice(4)) % topics.keyed;
          const { offset } = await producer.send("keyed", { key, value: valueOf(id, valueBytes), partition });
          accounts.acknowledge(nameOf("keyed", partition), offset, id);
          keys.set(key, { id, isSure: true });
        } catch {
          // It may have arrived or not.
        }
      }),
    );
    await sleep(250);
  }
  await client.close();
}

/** Without retries: its producer is not idempotent, and would double what it repeats. */
export async function produceWithKafkaJs({ stage, accounts }: Soak): Promise<void> {
  const kafka = new Kafka({
    clientId: "kafkajs",
    brokers: stage.bootstrap,
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 0 },
    socketFactory: ({ host, port, onConnect }) => {
      const socket = connectSocket({ host, port }, onConnect);
      stage.adopt(socket);
      return socket;
    },
  });
  let turn = 0;
  while (!stage.isOver) {
    const producer = kafka.producer();
    try {
      await producer.connect();
      while (!stage.isOver) {
        const partition = turn++ % topics.timed;
        const ids = Array.from({ length: 25 }, () => accounts.send(Date.now()));
        const messages = ids.map((id) => ({ value: valueOf(id, valueBytes), partition }));
        const [told] = await producer.send({ topic: "timed", messages, compression: CompressionTypes.GZIP });
        const base = Number(told?.baseOffset);
        for (const [index, id] of ids.entries()) accounts.acknowledge(nameOf("timed", partition), base + index, id);
        await sleep(250);
      }
    } catch {
      await stage.pause();
    }
    await producer.disconnect().catch(() => {});
  }
}

export async function produceWithPlatformatic({ stage, accounts }: Soak): Promise<void> {
  let turn = 0;
  while (!stage.isOver) {
    const producer = new PlatformaticProducer({
      clientId: "platformatic",
      bootstrapBrokers: stage.bootstrap,
      serializers: stringSerializers,
      idempotent: true,
      acks: ProduceAcks.ALL,
      compression: "zstd",
      retries: 0,
    });
    try {
      while (!stage.isOver) {
        const partition = turn++ % topics.sized;
        const ids = Array.from({ length: 25 }, () => accounts.send(Date.now()));
        const messages = ids.map((id) => ({ topic: "sized", partition, value: valueOf(id, valueBytes) }));
        const { offsets } = await producer.send({ messages });
        const base = Number(offsets?.[0]?.offset);
        for (const [index, id] of ids.entries()) accounts.acknowledge(nameOf("sized", partition), base + index, id);
        await sleep(250);
      }
    } catch {
      await stage.pause();
    }
    await producer.close(true).catch(() => {});
  }
}
