/**
 * The bill of two shapes of load: the product's own broker machine and cells run under a virtual clock at the shape's rhythm, what they ask
 * of the platform is counted, and the counts are taken to a month. Scaled down in bytes, not in rhythm: flushes, commits and rows depend on
 * how often, not on how much. The notes show the arithmetic.
 */
import { BrokerMachine } from "../core/broker/machine.ts";
import type { BrokerEffect, BrokerEvent } from "../core/broker/events.ts";
import { MemoryCoordinator } from "../core/cell/memory-coordinator.ts";
import { billOf, type Usage } from "../core/cost/bill.ts";
import { crossZone, monthMs, objectGb } from "../core/cost/prices.ts";
import { settingDefaults } from "../core/settings.ts";
import { twins } from "../kernel/twins/twins.ts";

import { encodeBatch } from "../test/kernel/batch-builder.ts";
import type { BenchOptions, Row } from "./row.ts";

interface Shape {
  readonly name: string;
  readonly megabytesPerSecond: number;
  readonly partitions: number;
  readonly brokers: number;
  readonly readers: number;
  readonly putsPerSecond: number;
  readonly budgetUsd: number;
}

const topicId = "b1946ac9-2c5d-4f0e-9d5c-9b7f0e2c1a55";
const cellPartitions = settingDefaults["cell.partitions.max"];
/** Producers' batches come spread over the second. */
const ticksPerSecond = 20;

interface Counts {
  puts: number;
  gets: number;
  requests: number;
  rows: number;
}

/** One broker's share for so many seconds of virtual time. */
async function replay(shape: Shape, seconds: number): Promise<Counts> {
  const partitions = Math.ceil(shape.partitions / shape.brokers);
  const cells = Math.max(1, Math.ceil(partitions / cellPartitions));
  const counts: Counts = { puts: 0, gets: 0, requests: 0, rows: 0 };
  let now = 0;
  const leaders = Array.from({ length: cells }, (_, cell) => new MemoryCoordinator({ cell, now: () => now }));
  const refs = Array.from({ length: partitions }, (_, partition) => ({ topicId, partition }));
  const cellOf = (partition: number) => Math.floor(partition / cellPartitions);
  for (const [cell, leader] of leaders.entries()) {
    await leader.createPartitions(
      refs.filter(({ partition }) => cellOf(partition) === cell),
      { timestampType: "CreateTime" },
    );
  }
  const settings = { ...settingDefaults, "wal.puts.per.second": shape.putsPerSecond, "wal.puts.burst": 1 };
  const machine = new BrokerMachine({ brokerId: 0, settings, kernel: twins });
  // A batch a second of every partition.
  const records = encodeBatch({
    records: [{ value: new Uint8Array(Math.round((shape.megabytesPerSecond * 1e6) / shape.partitions)) }],
  });
  const validated = twins.validate(records, { keysRequired: false, batchSizeMax: Infinity });
  if (!validated.ok) throw new Error("the bench's own batch is refused");
  const { batches } = validated;
  const later: { readonly at: number; readonly event: BrokerEvent }[] = [];
  const perform = (effects: readonly BrokerEffect[]): void => {
    for (const effect of effects) {
      if (effect.kind === "register") later.push({ at: now, event: { kind: "registered", brokerEpoch: 1 } });
      else if (effect.kind === "put") {
        counts.puts += 1;
        later.push({ at: now + 150, event: { kind: "put-done", id: effect.id } });
      } else if (effect.kind === "commit") {
        const leader = leaders[effect.cell]!;
        const { cursor } = leader.cell;
        const reply = leader.commitNow(effect.request);
        counts.requests += 1;
        counts.rows += leader.cell.cursor - cursor;
        later.push({ at: now + 10, event: { kind: "commit-reply", id: effect.id, reply } });
      }
    }
  };
  const settle = (): void => {
    for (let index = 0; index < later.length;) {
      const { at, event } = later[index]!;
      if (at > now) index += 1;
      else {
        later.splice(index, 1);
        perform(machine.handle(event, now));
        index = 0;
      }
    }
    if ((machine.nextDeadline() ?? Infinity) <= now) perform(machine.tick(now));
  };
  const perTick = Math.ceil(partitions / ticksPerSecond);
  for (let tick = 0, id = 1; tick < seconds * ticksPerSecond; tick++, id++) {
    const items = Array.from({ length: perTick }, (_, index) => {
      const partition = (tick * perTick + index) % partitions;
      return { topicId, partition, cell: cellOf(partition), records, batches };
    });
    perform(machine.handle({ kind: "append", id, items }, now));
    for (let step = 0; step < 10; step++) {
      now += 1000 / ticksPerSecond / 10;
      settle();
    }
  }
  return counts;
}

/** What happens beside the broker: merging once a minute a cell, tail readers that follow, objects that are awake. */
function usageOf(shape: Shape, counts: Counts, seconds: number): { readonly usage: Usage; readonly notes: string[] } {
  const scale = shape.brokers;
  const cells = Math.ceil(shape.partitions / cellPartitions);
  const minutes = seconds / 60;
  const putsMinute = (counts.puts * scale * 60) / seconds;
  const mergedMegabytes = (shape.megabytesPerSecond * 60) / cells;
  const mergesMinute = cells * Math.max(1, mergedMegabytes / 64);
  const merged = Math.min(64, mergedMegabytes) * 1e6;
  const mergePuts = 1;
  // A merger reads each object's part of its cell in ranges, neighbours together.
  const mergeGets = putsMinute * cells;
  const followsMinute = (counts.requests * scale * 60) / seconds;
  const readGets = shape.readers > 1 || scale > 1 ? putsMinute * (scale - 1) : 0;
  const usage: Usage = {
    "class-a": counts.puts * scale + mergesMinute * mergePuts * minutes,
    "class-b": (mergeGets + readGets) * minutes,
    requests: counts.requests * scale + followsMinute * minutes + mergesMinute * 3 * minutes,
    "rows-written": counts.rows * scale + mergesMinute * 4 * minutes,
    "websocket-messages": shape.megabytesPerSecond * seconds,
    "gb-seconds": (scale + cells + 1) * seconds * objectGb,
  };
  const notes = [
    `${shape.name}: ${scale} broker(s), ${cells} cell(s); counted in ${seconds} s of one broker: ${counts.puts} PUTs, ${counts.requests} commits, ${counts.rows} rows`,
    `  added: ${mergesMinute.toFixed(1)} merges a minute of ${(merged / 1e6).toFixed(0)} MB in ${mergePuts} writes each, ${mergeGets.toFixed(0)} GETs for them, ${readGets.toFixed(0)} GETs a minute if readers sat at all other brokers, a follow a commit, ${scale + cells + 1} objects awake`,
  ];
  return { usage, notes };
}

export async function run({ quick }: BenchOptions, note: (text: string) => void): Promise<Row[]> {
  const seconds = quick ? 10 : 60;
  const shapes: readonly Shape[] = [
    {
      name: "4 MB/s over 4 000 partitions",
      megabytesPerSecond: 4,
      partitions: 4000,
      brokers: 1,
      readers: 1,
      putsPerSecond: 1,
      budgetUsd: 30,
    },
    {
      name: "100 MiB/s, 3 readers",
      megabytesPerSecond: 104.86,
      partitions: 1000,
      brokers: 10,
      readers: 3,
      putsPerSecond: 2,
      budgetUsd: 700,
    },
  ];
  const rows: Row[] = [];
  for (const shape of shapes) {
    const { usage, notes } = usageOf(shape, await replay(shape, seconds), seconds);
    for (const text of notes) note(text);
    const bill = billOf([{ usage, elapsedMs: Math.max(60_000, seconds * 1000) }]);
    const month = seconds < 60 ? 60 / seconds : 1;
    const operations = (bill.usdPerMonth - (bill.lines["gb-seconds"]?.usdPerMonth ?? 0)) * month;
    for (const line of Object.values(bill.lines))
      note(`  ${line.what}: ${(line.perMonth * month).toExponential(3)} a month, $${(line.usdPerMonth * month).toFixed(2)}`);
    const gigabytes = (shape.megabytesPerSecond * monthMs) / 1e6;
    const classic = gigabytes * crossZone.crossings * crossZone.usdPerGb;
    note(
      `  classic Kafka: ${gigabytes.toFixed(0)} GB a month × ${crossZone.crossings.toFixed(2)} crossings × $${crossZone.usdPerGb}`,
    );
    rows.push(
      {
        name: `operations, ${shape.name}`,
        value: operations,
        unit: "$/month",
        budget: { of: "value", atMost: shape.budgetUsd },
        ratio: classic / operations,
        against: "cross-zone traffic",
      },
      { name: `with objects awake, ${shape.name}`, value: bill.usdPerMonth * month, unit: "$/month" },
      { name: `classic Kafka's cross-zone traffic, ${shape.name}`, value: classic, unit: "$/month" },
    );
  }
  return rows;
}
