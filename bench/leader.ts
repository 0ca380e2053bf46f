/**
 * The leader of a cell without its Durable Object: one commit of 1 600 batches from the call's arguments to the reply's columns, the end
 * of a transaction in 1 000 partitions, what an extent costs
 * in memory and in the journal (D6), and what a full cell is like to start. The row's insertion is SQLite's and is measured where it happens.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { PartitionRef } from "../core/coordinator.ts";
import { packCommit } from "../durable-objects/leader-wire.ts";
import { batchBytes, cellOf, commit, commitOf, topicId } from "./load/cells.ts";
import { fullCellRows } from "./load/full-cell.ts";
import type { BenchOptions, Row } from "./row.ts";
import { median, percentile } from "./statistics.ts";

const batchCount = 1600;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

function commitRows(partitionCount: number, idempotent: boolean, commits: number): Row[] {
  const cell = cellOf(partitionCount);
  const times: number[] = [];
  for (let number = 1; number <= commits; number++) {
    const packed = packCommit(commitOf(number, partitionCount, batchCount, idempotent));
    const start = performance.now();
    commit(cell, packed);
    times.push(performance.now() - start);
  }
  const name = `commit of ${batchCount} ${idempotent ? "idempotent " : ""}batches, ${partitionCount} partitions`;
  const warm = times.slice(Math.floor(commits / 5));
  return [
    { name: `${name}, p50`, value: median(warm), unit: "ms", budget: { of: "value", atMost: 5 } },
    { name: `${name}, p99`, value: percentile(warm, 0.99), unit: "ms" },
  ];
}

/** A transaction with a batch in each of a thousand partitions, and its end. */
function markerRows(transactions: number): Row[] {
  const partitionCount = 1000;
  const cell = cellOf(partitionCount);
  const partitions: PartitionRef[] = Array.from({ length: partitionCount }, (_, partition) => ({ topicId, partition }));
  const times: number[] = [];
  let bytes = 0;
  for (let number = 1; number <= transactions; number++) {
    const transaction = { producerId: 7, producerEpoch: 0, attributes: 16, transactionGeneration: number };
    const batch = { size: batchBytes, offsetCount: 1, maxTimestamp: 1_800_000_000_000, baseSequence: number - 1, ...transaction };
    const entries = partitions.map((ref, index) => ({ ...ref, byteStart: index * batchBytes, batches: [batch] }));
    const source = { kind: "object", sequence: number, byteLength: partitionCount * batchBytes } as const;
    commit(cell, packCommit({ brokerId: 0, brokerEpoch: 1, number, source, entries }));
    const marker = {
      producerId: 7,
      producerEpoch: 0,
      coordinatorEpoch: 0,
      generation: number,
      commit: number % 2 === 0,
      partitions,
    };
    const start = performance.now();
    const { row, answers } = cell.decideMarkers([marker], 1_800_000_000_000);
    if (row === undefined || answers[0]!.some((errorCode) => errorCode !== 0)) throw new Error("a marker was refused");
    cell.applyRow(row, true);
    times.push(performance.now() - start);
    bytes = row.entry.byteLength + (row.inline?.byteLength ?? 0);
  }
  const warm = times.slice(Math.floor(transactions / 5));
  const name = `markers for ${partitionCount} partitions`;
  return [
    { name: `${name}, p50`, value: median(warm), unit: "ms", budget: { of: "value", atMost: 5 } },
    { name: `${name}, p99`, value: percentile(warm, 0.99), unit: "ms" },
    { name: `${name}, the one row`, value: bytes, unit: "B" },
  ];
}

function usedBytes(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function extentRows(partitionCount: number, commits: number): Row[] {
  const cell = cellOf(partitionCount);
  // What a leader has once: partitions, rings and kept answers, which don't grow with extents.
  for (let number = 1; number <= 100; number++) commit(cell, packCommit(commitOf(number, partitionCount, batchCount, false)));
  const [extentsBefore, columnsBefore, usedBefore] = [cell.extentCount, cell.extentMemoryBytes, usedBytes()];
  let journalBytes = 0;
  for (let number = 101; number <= 100 + commits; number++) {
    journalBytes += commit(cell, packCommit(commitOf(number, partitionCount, batchCount, false))).entry.byteLength;
  }
  const extents = cell.extentCount - extentsBefore;
  const [columns, used] = [cell.extentMemoryBytes - columnsBefore, usedBytes() - usedBefore];
  const dataBytes = commits * batchCount * batchBytes;
  const of = `${partitionCount} partitions`;
  return [
    { name: `memory per extent, ${of}`, value: columns / extents, unit: "B", budget: { of: "value", atMost: 24 } },
    { name: `memory per extent, ${of}, as the heap sees it`, value: used / extents, unit: "B" },
    { name: `journal per extent, ${of}`, value: journalBytes / extents, unit: "B", budget: { of: "value", atMost: 12 } },
    {
      name: `journal, ${of}, ${batchBytes} B a batch`,
      value: journalBytes / (commits * batchCount),
      unit: "B/batch",
      ratio: journalBytes / dataBytes,
      against: "the data",
    },
  ];
}

/** 800 000 extents fall due at once: how long one step blocks, with its row, and how many it takes. */
function retentionRows(partitionCount: number, commits: number): Row[] {
  const cell = cellOf(partitionCount);
  for (let number = 1; number <= commits; number++) commit(cell, packCommit(commitOf(number, partitionCount, batchCount, false)));
  const partitions: PartitionRef[] = Array.from({ length: partitionCount }, (_, partition) => ({ topicId, partition }));
  const settings = cell.decideCreatePartitions(partitions, { timestampType: "CreateTime", retentionMs: 1000 });
  if (settings !== undefined) cell.applyRow(settings, true);
  const now = 1_900_000_000_000;
  const extents = cell.extentCount;
  const times: number[] = [];
  while ((cell.retentionDueMs(now) ?? Infinity) <= now) {
    const start = performance.now();
    const row = cell.decideRetention(now);
    if (row !== undefined) cell.applyRow(row, true);
    times.push(performance.now() - start);
  }
  if (cell.extentCount > 0) throw new Error("retention left something behind");
  const name = `retention of ${extents} extents, ${partitionCount} partitions`;
  return [
    { name: `${name}, a step, p50`, value: median(times), unit: "ms", budget: { of: "value", atMost: 5 } },
    { name: `${name}, the longest step`, value: Math.max(...times), unit: "ms" },
    { name: `${name}, steps`, value: times.length, unit: "" },
  ];
}

export async function run({ quick }: BenchOptions): Promise<Row[]> {
  const commits = quick ? 40 : 250;
  return await Promise.resolve([
    ...commitRows(320, false, commits),
    ...commitRows(1600, false, commits),
    ...commitRows(1600, true, commits),
    ...markerRows(commits),
    ...extentRows(1600, quick ? 100 : 500),
    ...retentionRows(1600, quick ? 100 : 500),
    ...fullCellRows(quick ? 20 : 200, usedBytes),
  ]);
}
