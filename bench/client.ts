/**
 * The client library beside kafkajs and @platformatic/kafka, against the same server and from the same Node: how many records each
 * produces and reads in a second, and how long a lone record takes from `send` in one client to the loop of another. Nothing else is done
 * with what was produced: no merging, and it is taken away before the next turn.
 */
import { connect } from "../client/client.ts";
import { type ClientName, ClientThread } from "./load/clients.ts";
import { emptyObjects, withKante } from "./load/server.ts";
import type { BenchOptions, Row } from "./row.ts";
import { mediansInTurns, percentile } from "./statistics.ts";

const partitions = 4;
const paths = [["ours", "WebSocket"] as const, ["oursUnmasked", "WebSocket, unmasked"] as const, ["oursByTcp", "TCP"] as const];

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
  const args = ["--set", "group.initial.rebalance.delay.ms=0", "--set", "log.level=error", "--set", "merge.enabled=false"];
  return await withKante({ args }, async ({ bootstrap, httpUrl, folder }) => {
    const url = `${httpUrl}/c/default/kafka`;
    const threadOf = (name: ClientName): ClientThread => new ClientThread(name, { url, bootstrap });
    const threads = {
      ours: threadOf("ours"),
      oursUnmasked: threadOf("oursUnmasked"),
      oursByTcp: threadOf("oursByTcp"),
      kafkajs: threadOf("kafkajs"),
      platformatic: threadOf("platformatic"),
    };
    await using client = connect(url);
    const rows: Row[] = [];
    for (const [valueBytes, count] of [[100, 800_000] as const, [1024, 400_000] as const]) {
      const records = quick ? count / 4 : count;
      for (const way of ["produce", "consume"] as const) {
        const topic = `${way}.${valueBytes}`;
        await client.admin().createTopics([{ name: topic, partitions }]);
        const task = { way, topic, valueBytes, records };
        if (way === "consume") await threads.ours.rate({ ...task, way: "produce" });
        const once = async (thread: ClientThread): Promise<number> => {
          const rate = await thread.rate(task);
          if (way === "produce") emptyObjects(folder);
          return rate;
        };
        const rates = await mediansInTurns(quick ? 1 : 10, {
          ours: async () => await once(threads.ours),
          oursUnmasked: async () => await once(threads.oursUnmasked),
          oursByTcp: async () => await once(threads.oursByTcp),
          kafkajs: async () => await once(threads.kafkajs),
          platformatic: async () => await once(threads.platformatic),
        });
        for (const [ours, path] of paths) {
          for (const [theirs, title] of [["kafkajs", "kafkajs"] as const, ["platformatic", "@platformatic/kafka"] as const]) {
            rows.push({
              name: `${way} by ${path}, ${valueBytes} B records`,
              value: rates[ours],
              unit: "records/s",
              ratio: rates[ours] / rates[theirs],
              against: `${title} (${rates[theirs].toFixed(0)} records/s)`,
              // That class is for those who produce: it copies what it receives.
              ...(way === "consume" && ours === "oursUnmasked" ? {} : { budget: { of: "ratio", atLeast: 1 } as const }),
            });
          }
        }
      }
    }
    for (const thread of Object.values(threads)) await thread.end();
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
