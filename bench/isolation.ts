/**
 * What a consumer that reads everything from the beginning at full speed does to one at the tail of another topic, on the same broker: the
 * time from handing a record to the broker to its arrival at the tail's reader, with and without the backfill in turns of the same run.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Backfill } from "./load/backfill.ts";
import { LoadConnection, pipeline } from "./load/load-connection.ts";
import { batchOf, checkFetched, checkProduced, createTopic, fetchRequest, produceRequest } from "./load/requests.ts";
import { change, readMetrics, withKante } from "./load/server.ts";
import type { BenchOptions, Row } from "./row.ts";
import { median, percentile } from "./statistics.ts";

const mebibyte = 1024 * 1024;
const backfilled = "backfilled";
const partitions = 2;
/** In all many times what the broker keeps in memory. */
const historyMebibytes = 384;
const spacingMs = 10;

const kinds = [
  { name: "record of 100 B", topic: "small", bytes: 100 },
  { name: "record of 100 kB", topic: "large", bytes: 100_000 },
] as const;

class Tail {
  readonly #topic: string;
  readonly #producer: LoadConnection;
  readonly #consumer: LoadConnection;
  readonly #request: Uint8Array;
  #offset = 0;

  private constructor(topic: string, bytes: number, producer: LoadConnection, consumer: LoadConnection) {
    this.#topic = topic;
    this.#producer = producer;
    this.#consumer = consumer;
    this.#request = produceRequest(topic, new Map([[0, batchOf({ recordBytes: bytes, records: 1 })]]));
  }

  static async open(port: number, topic: string, bytes: number): Promise<Tail> {
    const producer = await LoadConnection.open({ port });
    const consumer = await LoadConnection.open({ port, headBytesMax: mebibyte });
    return new Tail(topic, bytes, producer, consumer);
  }

  /** From producing to having it, so many times. */
  async times(count: number): Promise<number[]> {
    const times: number[] = [];
    for (let index = 0; index < count; index++, this.#offset++) {
      const fetching = { topic: this.#topic, partitions: [0], offset: this.#offset, maxWaitMs: 5000, partitionMaxBytes: mebibyte };
      const got = this.#consumer.send(fetchRequest(fetching)).then(({ head }) => {
        if (checkFetched(head).recordBytes === 0) throw new Error("the fetch waited in vain");
        return performance.now();
      });
      // The fetch waits at its broker by then.
      await sleep(spacingMs);
      const startMs = performance.now();
      const produced = this.#producer.send(this.#request);
      times.push((await got) - startMs);
      checkProduced((await produced).head);
    }
    return times;
  }

  close(): void {
    this.#producer.close();
    this.#consumer.close();
  }
}

async function fill(port: number): Promise<number> {
  const batch = batchOf({ recordBytes: 1024, records: 1000 });
  const count = Math.floor((historyMebibytes * mebibyte) / batch.byteLength / partitions);
  await createTopic(port, backfilled, partitions);
  await Promise.all(
    Array.from({ length: partitions }, async (_, partition) => {
      const connection = await LoadConnection.open({ port });
      const request = produceRequest(backfilled, new Map([[partition, batch]]));
      await pipeline(count, 4, async () => void checkProduced((await connection.send(request)).head));
      connection.close();
    }),
  );
  return count * 1000;
}

export async function run({ quick }: BenchOptions, note: (text: string) => void): Promise<Row[]> {
  const rounds = quick ? 2 : 6;
  const count = quick ? 30 : 250;
  return await withKante({ args: ["--set", "merge.enabled=false"] }, async ({ port, httpUrl }) => {
    const records = await fill(port);
    const options = { port, topic: backfilled, partitions, records, step: 1000, partitionMaxBytes: mebibyte };
    const backfill = new Backfill(options);
    const rows: Row[] = [];
    let bytes = 0;
    let ms = 0;
    const before = await readMetrics(httpUrl);
    for (const { name, topic, bytes: recordBytes } of kinds) {
      await createTopic(port, topic, 1);
      const tail = await Tail.open(port, topic, recordBytes);
      const quiet: number[] = [];
      const beside: number[] = [];
      // The first round warms up.
      for (let round = 0; round <= rounds; round++) {
        const alone = await tail.times(count);
        backfill.start();
        const startMs = performance.now();
        await sleep(100);
        const together = await tail.times(count);
        ms += performance.now() - startMs;
        bytes += await backfill.stop();
        if (round === 0) continue;
        quiet.push(...alone);
        beside.push(...together);
      }
      tail.close();
      for (const [label, share] of [
        ["p50", 0.5],
        ["p99", 0.99],
      ] as const) {
        const of = (times: readonly number[]): number => (share === 0.5 ? median(times) : percentile(times, share));
        rows.push({
          name: `${name} to the reader at the tail beside a backfill, ${label}`,
          value: of(beside),
          unit: "ms",
          ratio: of(beside) / of(quiet),
          against: `without it (${of(quiet).toFixed(2)} ms)`,
          budget: { of: "ratio", atMost: 2 },
        });
      }
    }
    await backfill.end();
    const gets = change(before, await readMetrics(httpUrl), "kante_object_gets_total");
    note(`the backfill read ${(bytes / 1e3 / ms).toFixed(0)} MB/s with ${gets} GETs of ${(bytes / 1e6 / gets).toFixed(1)} MB`);
    return rows;
  });
}
