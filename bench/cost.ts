/**
 * The bill of shapes of load: the product's own broker machine and cells run under a virtual clock at the shape's rhythm, what they ask
 * of the platform is counted, and the counts are taken to a month. The brokers' part is counted in a minute of one broker; what follows
 * (merging, alarms, garbage) in the life of one cell under the same commits, the budgeted one until its data has come to extents of a
 * mebibyte. Both keep the shape's rhythm. The notes show the arithmetic.
 */
import { BrokerMachine } from "../core/broker/machine.ts";
import type { BrokerEffect, BrokerEvent } from "../core/broker/events.ts";
import { MemoryCoordinator } from "../core/cell/memory-coordinator.ts";
import { billOf, type Usage } from "../core/cost/bill.ts";
import { crossZone, monthMs, objectGb } from "../core/cost/prices.ts";
import { windowBytesMax } from "../core/merge/windows.ts";
import { settingDefaults } from "../core/settings.ts";
import { twins } from "../kernel/twins/twins.ts";

import { encodeBatch } from "../test/kernel/batch-builder.ts";
import { type CellLife, liveThrough } from "./cell-life.ts";
import type { BenchOptions, Row } from "./row.ts";

interface Shape {
  readonly name: string;
  readonly megabytesPerSecond: number;
  readonly partitions: number;
  readonly brokers: number;
  readonly readers: number;
  readonly putsPerSecond: number;
  readonly cellPartitions: number;
  /** Of virtual time that a cell is watched. */
  readonly minutes: number;
  readonly budgetUsd?: number;
  /** What a leader keeps, of the data, in percent. */
  readonly budgetMetadata?: number;
}

const topicId = "b1946ac9-2c5d-4f0e-9d5c-9b7f0e2c1a55";
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
  const { cellPartitions } = shape;
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

/** The shape's cells under the commits that its brokers were seen to make. */
async function lifeOf(shape: Shape, counts: Counts, seconds: number, minutes: number): Promise<CellLife> {
  const partitions = Math.min(shape.cellPartitions, shape.partitions);
  const commitsPerSecond = Math.max(1, Math.round((counts.requests * shape.brokers) / seconds / cellsOf(shape)));
  // Every partition has a batch a second.
  const partitionsPerCommit = Math.min(partitions, Math.round(partitions / commitsPerSecond));
  const batchBytes = Math.round((shape.megabytesPerSecond * 1e6) / shape.partitions);
  return await liveThrough({ partitions, commitsPerSecond, partitionsPerCommit, batchBytes, minutes });
}

function cellsOf({ partitions, cellPartitions }: Shape): number {
  return Math.ceil(partitions / cellPartitions);
}

const mebibyte = 1024 * 1024;

/** Of each partition, in the time that a cell is watched. */
function bytesEach(shape: Shape, lifeSeconds: number): number {
  return (shape.megabytesPerSecond * 1e6 * lifeSeconds) / shape.partitions;
}

/** The last copy, to extents of 1 MiB, of what has not come so far in the time watched: of 96 MiB each, sixteen objects in a window. */
function laterMerges(shape: Shape, life: CellLife, lifeSeconds: number): { readonly merges: number; readonly gets: number } {
  const each = bytesEach(shape, lifeSeconds);
  const bytes = (life.producedBytes * (each % mebibyte)) / each;
  return { merges: bytes / (96 * mebibyte), gets: (16 * bytes) / windowBytesMax };
}

function usageOf(
  shape: Shape,
  counts: Counts,
  seconds: number,
  life: CellLife,
  lifeSeconds: number,
): { readonly usage: Usage; readonly notes: string[] } {
  const { brokers } = shape;
  const cells = cellsOf(shape);
  const share = (seconds / lifeSeconds) * cells;
  const later = laterMerges(shape, life, lifeSeconds);
  const puts = counts.puts * brokers;
  const follows = counts.requests * brokers;
  // Of one zone: who produces to a partition and who reads it meet at one broker. Here they are taken never to.
  const readGets = puts * (brokers - 1);
  // A round: all brokers and cells are asked, two rows, the alarm set twice.
  const rounds = life.told * share;
  const usage: Usage = {
    "class-a": puts + (life.puts + later.merges) * share,
    "class-b": (life.gets + later.gets) * share + readGets,
    requests: counts.requests * brokers + follows + (life.requests + later.merges * 2) * share + rounds * (1 + brokers + cells),
    "rows-written": counts.rows * brokers + (life.rows + later.merges * 2 + life.alarms + life.snapshotRows) * share + rounds * 4,
    "websocket-messages": shape.megabytesPerSecond * seconds,
    "gb-seconds": (brokers + cells + 1 + Math.min(cells, settingDefaults["mergers.max"])) * seconds * objectGb,
  };
  const perMinute = (count: number): string => ((count * 60) / lifeSeconds).toFixed(1);
  const notes = [
    `${shape.name}: ${brokers} broker(s), ${cells} cell(s); counted in ${seconds} s of one broker: ${counts.puts} PUTs, ${counts.requests} commits, ${counts.rows} rows; a follow a commit`,
    `  a cell, a minute: ${perMinute(life.merges)} merges in ${perMinute(life.puts)} writes and ${perMinute(life.gets)} reads, each byte ${(life.writtenBytes / life.producedBytes).toFixed(2)} times; ${perMinute(life.rows)} rows beside those of commits, ${perMinute(life.snapshotRows)} of snapshots, ${perMinute(life.alarms)} alarms, ${perMinute(life.requests)} calls`,
    `  added for the last copy, to extents of a mebibyte, of what had no mebibyte yet: ${perMinute(later.merges)} merges and ${perMinute(later.gets)} reads a minute`,
    `  written for it: ${((100 * life.journalBytes) / life.producedBytes).toFixed(3)} % of the data in journal rows, ${((100 * life.snapshotBytes) / life.producedBytes).toFixed(3)} % in snapshots`,
    `  ${((readGets * 60) / seconds).toFixed(0)} GETs a minute if every object were read by all other brokers`,
  ];
  return { usage, notes };
}

export async function run({ quick }: BenchOptions, note: (text: string) => void): Promise<Row[]> {
  const seconds = quick ? 10 : 60;
  const small = { megabytesPerSecond: 4, partitions: 4000, brokers: 1, readers: 1, putsPerSecond: 1 };
  const shapes: readonly Shape[] = [
    {
      ...small,
      name: "4 MB/s over 4 000 partitions",
      cellPartitions: settingDefaults["cell.partitions.max"],
      minutes: 20,
      budgetUsd: 30,
      budgetMetadata: 0.1,
    },
    {
      ...small,
      name: "4 MB/s over 4 000 partitions, cells of 1 000",
      cellPartitions: 1000,
      minutes: 10,
    },
    {
      name: "100 MiB/s, 3 readers",
      megabytesPerSecond: 104.86,
      partitions: 1000,
      brokers: 10,
      readers: 3,
      putsPerSecond: 2,
      cellPartitions: settingDefaults["cell.partitions.max"],
      minutes: 3,
      budgetUsd: 700,
    },
  ];
  const rows: Row[] = [];
  for (const shape of shapes) {
    const counts = await replay(shape, seconds);
    const minutes = quick ? 2 : shape.minutes;
    const life = await lifeOf(shape, counts, seconds, minutes);
    const { usage, notes } = usageOf(shape, counts, seconds, life, minutes * 60);
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
        ...(shape.budgetUsd === undefined ? {} : { budget: { of: "value" as const, atMost: shape.budgetUsd } }),
        ratio: classic / operations,
        against: "cross-zone traffic",
      },
      // Before, each partition still is many small extents, whatever is kept of it.
      ...(bytesEach(shape, minutes * 60) < mebibyte
        ? []
        : [
            {
              name: `metadata at rest after ${minutes} minutes, ${shape.name}`,
              value: (life.restingBytes / life.producedBytes) * 100,
              unit: "% of the data",
              ...(shape.budgetMetadata !== undefined && { budget: { of: "value" as const, atMost: shape.budgetMetadata } }),
            },
          ]),
      { name: `with objects awake, ${shape.name}`, value: bill.usdPerMonth * month, unit: "$/month" },
      { name: `classic Kafka's cross-zone traffic, ${shape.name}`, value: classic, unit: "$/month" },
    );
  }
  return rows;
}
