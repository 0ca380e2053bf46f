/**
 * How soon a fetch that waits on one broker hears of a record that came in through another: from the producer's answer to the
 * consumer's, both seen by one clock. Without the push it would be max.wait.
 */
import { LoadConnection } from "./load/load-connection.ts";
import { batchOf, checkFetched, checkProduced, createTopic, fetchRequest, produceRequest } from "./load/requests.ts";
import { withKante } from "./load/server.ts";
import type { BenchOptions, Row } from "./row.ts";
import { median, percentile } from "./statistics.ts";
import { setTimeout as sleep } from "node:timers/promises";

const maxWaitMs = 5000;

async function wakeUps(from: number, to: number, topic: string, recordBytes: number, count: number): Promise<number[]> {
  const producer = await LoadConnection.open({ port: from });
  const consumer = await LoadConnection.open({ port: to, headBytesMax: Infinity });
  const request = produceRequest(topic, new Map([[0, batchOf({ recordBytes, records: 1 })]]));
  const times: number[] = [];
  for (let offset = 0; offset < count; offset++) {
    const fetching = { topic, partitions: [0], offset, maxWaitMs, partitionMaxBytes: 1 << 20 };
    const woken = consumer.send(fetchRequest(fetching)).then(({ head }) => {
      if (checkFetched(head).recordBytes === 0) throw new Error("the fetch waited in vain");
      return performance.now();
    });
    // Until the fetch has surely reached its broker and waits.
    await sleep(15);
    checkProduced((await producer.send(request)).head);
    const producedMs = performance.now();
    times.push(Math.max(0, (await woken) - producedMs));
  }
  producer.close();
  consumer.close();
  return times;
}

function rows(name: string, times: readonly number[]): Row[] {
  return [
    {
      name: `${name}, p50`,
      value: median(times),
      unit: "ms",
      ratio: median(times) / maxWaitMs,
      against: "max.wait",
      budget: { of: "value", atMost: 20 },
    },
    { name: `${name}, p99`, value: percentile(times, 0.99), unit: "ms" },
  ];
}

export async function run({ quick }: BenchOptions): Promise<Row[]> {
  const count = quick ? 20 : 150;
  return await withKante({ brokers: 2 }, async ({ port }) => {
    for (const topic of ["inline", "object", "same"]) await createTopic(port, topic, 1);
    return [
      ...rows("record of 100 B, another broker", await wakeUps(port, port + 1, "inline", 100, count)),
      ...rows("record of 100 kB, another broker", await wakeUps(port, port + 1, "object", 100_000, Math.ceil(count / 5))),
      ...rows("record of 100 B, same broker", await wakeUps(port, port, "same", 100, count)),
    ];
  });
}
