/**
 * The client libraries that are compared, each in a thread of its own that lives as long as the bench: what one leaves behind in its heap
 * makes the next one faster or slower. Each is written as its users would, with its defaults and every record acknowledged by all. The
 * library goes by Node's WebSocket, by one that does not mask, and by TCP, the others by TCP. Records are handed over a thousand at a time
 * with five sends under way, and read as fast as each hands them out.
 */
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { Consumer as PlatformaticConsumer, Producer as PlatformaticProducer } from "@platformatic/kafka";
import { Kafka, Partitioners, logLevel } from "kafkajs";
import { type Client, connect } from "../../client/client.ts";
import { tcpTransport } from "../../client/tcp.ts";
import { pipeline } from "./load-connection.ts";
import { Unmasked } from "./unmasked.ts";

const recordsPerSend = 1000;
const sendsUnderWay = 5;

export type ClientName = "ours" | "oursUnmasked" | "oursByTcp" | "kafkajs" | "platformatic";

interface Server {
  readonly url: string;
  readonly bootstrap: string;
}

interface Task {
  readonly way: "produce" | "consume";
  readonly topic: string;
  readonly valueBytes: number;
  readonly records: number;
}

/** Records a second; of a consumer while it reads a topic from its beginning. */
type Contestant = Readonly<Record<Task["way"], (task: Task) => Promise<number>>>;

export class ClientThread {
  readonly #worker: Worker;

  constructor(name: ClientName, server: Server) {
    this.#worker = new Worker(new URL(import.meta.url), { workerData: { name, ...server } });
    // A bench that breaks must not be kept from ending.
    this.#worker.unref();
  }

  async rate(task: Task): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#worker.once("message", resolve);
    this.#worker.once("error", reject);
    this.#worker.postMessage(task);
    try {
      return await promise;
    } finally {
      this.#worker.off("message", resolve).off("error", reject);
    }
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}

async function timed({ records }: Task, send: () => Promise<unknown>): Promise<number> {
  // Connected, and with metadata.
  await send();
  const startMs = performance.now();
  await pipeline(records / recordsPerSend, sendsUnderWay, send);
  return (records / (performance.now() - startMs)) * 1000;
}

/** Counts, and answers the rate behind the first eighth: joining a group and what was read ahead by then are left out. */
function meter({ records }: Task): { readonly count: (more: number) => void; readonly rate: Promise<number> } {
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

/** What one send hands over. */
function messagesOf({ valueBytes }: Task): { readonly value: Buffer }[] {
  const value = Buffer.alloc(valueBytes, 0x5a);
  return Array.from({ length: recordsPerSend }, () => ({ value }));
}

function library(open: () => Client): Contestant {
  return {
    async produce(task) {
      await using client = open();
      const producer = client.producer();
      const messages = messagesOf(task);
      return await timed(task, async () => await producer.send(task.topic, messages));
    },
    async consume(task) {
      await using client = open();
      const { rate, count } = meter(task);
      let read = 0;
      for await (const _ of client.consumer({ topics: [task.topic], offsetReset: "earliest" })) {
        count(1);
        if (++read >= task.records) break;
      }
      return await rate;
    },
  };
}

const contestants: Readonly<Record<ClientName, (server: Server) => Contestant>> = {
  ours: ({ url }) => library(() => connect(url)),
  oursUnmasked: ({ url }) => library(() => connect(url, { webSocket: Unmasked })),
  oursByTcp: ({ bootstrap }) => library(() => connect("", { transport: tcpTransport(bootstrap) })),

  kafkajs({ bootstrap }) {
    const kafka = new Kafka({ clientId: "bench", brokers: [bootstrap], logLevel: logLevel.NOTHING });
    return {
      async produce(task) {
        const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
        await producer.connect();
        const messages = messagesOf(task);
        const rate = await timed(task, async () => await producer.send({ topic: task.topic, messages }));
        await producer.disconnect();
        return rate;
      },
      async consume(task) {
        const consumer = kafka.consumer({ groupId: `kafkajs.${task.topic}.${performance.now()}` });
        await consumer.connect();
        await consumer.subscribe({ topic: task.topic, fromBeginning: true });
        const { rate, count } = meter(task);
        await consumer.run({ eachBatch: async ({ batch }) => count(batch.messages.length) });
        const measured = await rate;
        await consumer.disconnect();
        return measured;
      },
    };
  },

  platformatic({ bootstrap }) {
    const options = { clientId: "bench", bootstrapBrokers: [bootstrap] };
    return {
      async produce(task) {
        const producer = new PlatformaticProducer(options);
        const messages = messagesOf(task).map(({ value }) => ({ topic: task.topic, value }));
        const rate = await timed(task, async () => await producer.send({ messages }));
        await producer.close(true);
        return rate;
      },
      async consume(task) {
        const consumer = new PlatformaticConsumer({ ...options, groupId: `platformatic.${task.topic}.${performance.now()}` });
        const { rate, count } = meter(task);
        const stream = await consumer.consume({ topics: [task.topic], mode: "earliest" });
        stream.on("data", () => count(1));
        const measured = await rate;
        await consumer.close(true);
        return measured;
      },
    };
  },
};

if (!isMainThread) {
  const { name, ...server } = workerData as Server & { readonly name: ClientName };
  const contestant = contestants[name](server);
  parentPort!.on("message", (task: Task) => void contestant[task.way](task).then((rate) => parentPort!.postMessage(rate)));
}
