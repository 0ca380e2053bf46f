/** What the parts of the client's contract have in common: names of their own, and reading so many records. Nothing of Node. */
import { type Client, type Consumer, type ConsumerRecord, string } from "../../client/client.ts";

export type Strings = Consumer<string, string>;

/** Servers are told so: members of consumer groups are told how often to be heard, and rebalances take some rounds. */
export const often: readonly string[] = [
  "--set",
  "group.consumer.min.heartbeat.interval.ms=100",
  "--set",
  "group.consumer.heartbeat.interval.ms=200",
];

/** Servers are told so: sessions may end soon, by both protocols. */
export const brief: readonly string[] = [
  "group.min.session.timeout.ms=300",
  "group.consumer.min.session.timeout.ms=500",
  "group.consumer.session.timeout.ms=1000",
].flatMap((setting) => ["--set", setting]);

const run = Math.random().toString(36).slice(2, 8);
let names = 0;
export const freshName = (what: string): string => `${what}.${run}.${++names}`;

/** Resolves as soon as the condition holds; the test's own time limit is the only other end. */
export async function eventually(condition: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}

export const numbers = (count: number, from = 0): string[] => Array.from({ length: count }, (_, index) => String(from + index));

/** Reads so many records, and leaves the consumer as it is. */
export async function take<Key, Value>(consumer: AsyncIterable<ConsumerRecord<Key, Value>>, count: number) {
  const records: ConsumerRecord<Key, Value>[] = [];
  if (count > 0) {
    for await (const record of consumer) {
      records.push(record);
      if (records.length === count) break;
    }
  }
  return records;
}

export const valuesOf = (records: readonly { readonly value: unknown }[]): unknown[] => records.map(({ value }) => value);

export function reader(client: Client, topic: string, more: object = {}): Strings {
  return client.consumer({ topics: [topic], offsetReset: "earliest", key: string, value: string, maxWaitMs: 500, ...more });
}
