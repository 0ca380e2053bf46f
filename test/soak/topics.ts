/**
 * The topics of a soak: short retention by time and by size, one with transactions, one of which only the last value of a key counts.
 * All times follow from the length of the run, so that data goes often enough in any.
 */
import { createTopics } from "../../protocol/messages/19-create-topics.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { firstError } from "../history/topics.ts";
import type { Wire } from "../history/wire.ts";

export const topics = { timed: 6, sized: 2, ledger: 3, keyed: 2 } as const;
export type Topic = keyof typeof topics;

export const sizedBytes = 4 * 1024 * 1024;
const mebibyte = 1024 * 1024;

export interface Times {
  readonly runMs: number;
  readonly retentionMs: number;
  readonly retentionCheckMs: number;
  readonly graceMs: number;
}

export function timesOf(minutes: number): Times {
  const runMs = minutes * 60_000;
  return { runMs, retentionMs: runMs / 24, retentionCheckMs: runMs / 400, graceMs: Math.min(10_000, runMs / 40) };
}

/** How long a record is surely kept; 0: nobody says. */
export function keptMs(topic: Topic, { retentionMs }: Times): number {
  return topic === "timed" || topic === "ledger" ? retentionMs : 0;
}

export function settingsOf({ retentionCheckMs, graceMs }: Times): readonly string[] {
  return [
    "wal.puts.per.second=20",
    // Full soon, so that what grows afterwards is something else.
    "broker.memory.bytes=16777216",
    "cell.partitions.max=5",
    "inline.drain.bytes=262144",
    "merge.interval.ms=2000",
    `log.retention.check.interval.ms=${Math.round(retentionCheckMs)}`,
    `storage.delete.grace.ms=${Math.round(graceMs)}`,
    "group.initial.rebalance.delay.ms=0",
  ];
}

export async function createAll(wire: Wire, { retentionMs }: Times): Promise<void> {
  const byTime = { "retention.ms": Math.round(retentionMs), "segment.bytes": mebibyte };
  const configs: Record<Topic, Record<string, string | number>> = {
    timed: byTime,
    ledger: byTime,
    sized: { "retention.bytes": sizedBytes, "retention.ms": -1, "segment.bytes": mebibyte },
    keyed: { "cleanup.policy": "compact", "segment.bytes": mebibyte, "min.cleanable.dirty.ratio": "0.3" },
  };
  const asked = Object.entries(topics).map(([name, numPartitions]) => ({
    name,
    numPartitions,
    replicationFactor: 1,
    assignments: [],
    configs: Object.entries(configs[name as Topic]).map(([key, value]) => ({ name: key, value: String(value) })),
  }));
  await wire.insist(createTopics, 6, { topics: asked, validateOnly: false, timeoutMs: 10_000 }, ({ topics: created }) =>
    firstError(created.map(({ errorCode }) => (errorCode === errorCodes.TOPIC_ALREADY_EXISTS ? 0 : errorCode))),
  );
}

export function nameOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}

export const allPartitions: readonly { readonly topic: Topic; readonly partition: number }[] = Object.entries(topics).flatMap(
  ([topic, count]) => Array.from({ length: count }, (_, partition) => ({ topic: topic as Topic, partition })),
);
