/** What an extent costs (D6), for a cell of 1 000 partitions that get one batch each in every object from idempotent producers. Sizes, not times. */
import { expect, test } from "vitest";
import { Cell } from "../../../core/cell/cell.ts";
import type { BatchCoordinates, CommitRequest } from "../../../core/coordinator.ts";
import { settingDefaults } from "../../../core/settings.ts";
import { createTime } from "../../contract/commits.ts";

const topicId = "5f0c9a52-6d7b-4a51-9d0e-0a1b2c3d4e5f";
const partitionCount = 1000;
const commits = 300;
const beginMs = 1_700_000_000_000;

function batchOf(number: number, partition: number): BatchCoordinates {
  // 4 MB/s over 4 000 partitions, two objects a second; times and sizes scatter as real ones do.
  const scatter = (number * 7919 + partition * 104_729) % 1000;
  const offsetCount = 1 + (scatter % 5);
  return {
    size: 400 + scatter,
    offsetCount,
    attributes: 4,
    maxTimestamp: beginMs + number * 500 - scatter,
    producerId: 4_000 + (partition % 20),
    producerEpoch: 0,
    baseSequence: 0,
  };
}

function requestOf(number: number, sequences: number[]): CommitRequest {
  let byteStart = 0;
  const entries = Array.from({ length: partitionCount }, (_, partition) => {
    const batch = { ...batchOf(number, partition), baseSequence: sequences[partition]! };
    sequences[partition]! += batch.offsetCount;
    const entry = { topicId, partition, byteStart, batches: [batch] };
    byteStart += batch.size;
    return entry;
  });
  const source = { kind: "object", sequence: number, byteLength: byteStart } as const;
  return { brokerId: 0, brokerEpoch: 3, number, source, entries };
}

test("[D6] an extent takes at most 24 bytes of memory, 12 bytes of journal and 12 of a snapshot", () => {
  const cell = new Cell({ cell: 0, settings: settingDefaults, inlineRows: { read: () => new Uint8Array() } });
  const partitions = Array.from({ length: partitionCount }, (_, partition) => ({ topicId, partition }));
  cell.applyRow(cell.decideCreatePartitions(partitions, createTime)!, true);
  const sequences = Array.from({ length: partitionCount }, () => 0);
  let journalBytes = 0;
  let firstSnapshotBytes = 0;
  const snapshotBytes = () => cell.snapshot().reduce((sum, { length }) => sum + length, 0);
  for (let number = 1; number <= commits; number++) {
    const request = requestOf(number, sequences);
    const decision = cell.decideCommit(request, beginMs + number * 500);
    if (decision.kind !== "journal") throw new Error(decision.reply.kind);
    cell.applyRow(decision.row, true);
    journalBytes += decision.row.entry.length;
    // Answers and producers are full by now: what comes on top is extents.
    if (number === 100) firstSnapshotBytes = snapshotBytes();
  }
  const extents = partitionCount * commits;
  expect(cell.extentCount).toBe(extents);
  expect(cell.extentMemoryBytes / extents).toBeLessThanOrEqual(24);
  expect(journalBytes / extents).toBeLessThanOrEqual(12);
  expect((snapshotBytes() - firstSnapshotBytes) / (extents - 100 * partitionCount)).toBeLessThanOrEqual(12);
});

test("[I8] memory of sources is used again: extents that stay for ever hold up nothing but their own", () => {
  const cell = new Cell({ cell: 0, settings: settingDefaults, inlineRows: { read: () => new Uint8Array() } });
  cell.applyRow(
    cell.decideCreatePartitions(
      [0, 1].map((partition) => ({ topicId, partition })),
      createTime,
    )!,
    true,
  );
  const memory: number[] = [];
  for (let number = 1; number <= 3000; number++) {
    const batch = { ...batchOf(number, 0), producerId: -1, producerEpoch: -1, baseSequence: -1 };
    // Partition 0 gets one batch and keeps it, partition 1 is deleted as it grows.
    const entries = [{ topicId, partition: number === 1 ? 0 : 1, byteStart: 0, batches: [batch] }];
    const source = { kind: "object", sequence: number, byteLength: batch.size } as const;
    const decision = cell.decideCommit({ brokerId: 0, brokerEpoch: 1, number, source, entries }, beginMs);
    if (decision.kind !== "journal") throw new Error(decision.reply.kind);
    cell.applyRow(decision.row, true);
    const { row } = cell.decideDeleteRecords([{ topicId, partition: 1, beforeOffset: -1 }], 0);
    if (row !== undefined) cell.applyRow(row, true);
    if (number % 1000 === 0) memory.push(cell.extentMemoryBytes);
  }
  expect(memory[2]).toBe(memory[0]);
  expect(cell.extentCount).toBe(1);
});
