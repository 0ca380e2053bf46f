/**
 * A Worker that now and then (`[triggers] crons = ["* * * * *"]`) does what has been written to a topic since the last time. The group's
 * offsets remember how far it came; when it fails half-way, the next run begins where this one was sure to be done.
 */
import { connect, json } from "kante/client";

interface Env {
  readonly KANTE: { fetch(url: string, init: RequestInit): Promise<Response> };
  readonly TOTALS: { fetch(url: string, init: RequestInit): Promise<Response> };
}

interface Order {
  readonly amount: number;
}

const topic = "orders";
const group = "totals";

export default {
  async scheduled(_event: unknown, env: Env): Promise<void> {
    await using kafka = connect("https://kante/c/default/kafka", { fetch: async (url, init) => await env.KANTE.fetch(url, init) });
    const admin = kafka.admin();
    // Nothing has been written yet, where there is no topic.
    const info = (await admin.describeTopics()).find(({ name }) => name === topic);
    if (info === undefined) return;
    const all = info.partitions.map((_, partition) => ({ topic, partition }));
    const done = new Map((await admin.groupOffsets(group)).map(({ partition, offset }) => [partition, offset]));
    const ends = await admin.listOffsets(all, "latest", { isolation: "read_committed" });
    const waiting = ends.filter(({ partition, offset }) => offset > (done.get(partition) ?? 0));
    if (waiting.length === 0) return;

    // No members, no rebalances: there is one cron run at a time. What takes longer is the next run's.
    const partitions = waiting.map(({ partition }) => ({ topic, partition }));
    const signal = AbortSignal.timeout(25_000);
    const consumer = kafka.consumer({
      partitions,
      group,
      offsetReset: "earliest",
      autoCommit: false,
      value: json<Order>(),
      signal,
    });
    for await (const { partition, records } of consumer.batches()) {
      const sum = records.reduce((total, { value }) => total + (value?.amount ?? 0), 0);
      await env.TOTALS.fetch("https://totals/", { method: "POST", body: JSON.stringify({ partition, sum }) });
      await consumer.commit();
      if (waiting.every((end) => (consumer.position(end) ?? 0) >= end.offset)) break;
    }
  },
};
