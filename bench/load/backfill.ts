/**
 * A consumer that reads a topic from its beginning as fast as it is answered, and then again, in a thread of its own: what it does with the
 * answers must not slow down who measures. It reads while it is told to, and says how many bytes came.
 */
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { LoadConnection } from "./load-connection.ts";
import { fetchRequest } from "./requests.ts";

interface BackfillOptions {
  readonly port: number;
  readonly topic: string;
  readonly partitions: number;
  /** Records of each partition, and so many come with an answer. */
  readonly records: number;
  readonly step: number;
  readonly partitionMaxBytes: number;
}

export class Backfill {
  readonly #worker: Worker;

  constructor(options: BackfillOptions) {
    this.#worker = new Worker(new URL(import.meta.url), { workerData: options });
  }

  start(): void {
    this.#worker.postMessage("start");
  }

  /** Bytes since the start. */
  async stop(): Promise<number> {
    const said = Promise.withResolvers<number>();
    this.#worker.once("message", said.resolve);
    this.#worker.postMessage("stop");
    return await said.promise;
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}

async function read({ port, topic, partitions, records, step, partitionMaxBytes }: BackfillOptions): Promise<void> {
  const connections = await Promise.all(Array.from({ length: partitions }, async () => await LoadConnection.open({ port })));
  let bytes = 0;
  const told = { isReading: false };
  let lanes: Promise<void>[] = [];
  const offsets = connections.map(() => 0);
  const lane = async (connection: LoadConnection, partition: number): Promise<void> => {
    while (told.isReading) {
      const offset = offsets[partition]!;
      const request = fetchRequest({ topic, partitions: [partition], offset, maxWaitMs: 100, partitionMaxBytes });
      bytes += (await connection.send(request)).byteLength;
      offsets[partition] = (offset + step) % records;
    }
  };
  parentPort!.on("message", (what) => {
    told.isReading = what === "start";
    if (told.isReading) {
      bytes = 0;
      lanes = connections.map(lane);
    } else void Promise.all(lanes).then(() => parentPort!.postMessage(bytes));
  });
}

if (!isMainThread) await read(workerData as BackfillOptions);
