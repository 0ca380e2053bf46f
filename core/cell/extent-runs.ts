/**
 * Where a partition's bytes lie, for whoever wants to look: its extents in offset order, with neighbours taken together until there are few
 * enough to send and to draw. Counts what is referred to, not what the object store holds. Changes nothing.
 */
import type { PartitionRef } from "../coordinator.ts";
import type { CellState } from "./cell-state.ts";
import type { PartitionLog } from "./partition-log.ts";
import type { Source, Sources } from "./sources.ts";

/** By where they lie: a leader's journal, brokers' objects, objects of a cell, objects of a partition. */
export interface StoredBytes {
  readonly inline: number;
  readonly wal: number;
  readonly merged: number;
  readonly segment: number;
}

export interface ExtentRun {
  readonly baseOffset: number;
  readonly nextOffset: number;
  /** How many extents were taken together. */
  readonly extents: number;
  readonly bytes: StoredBytes;
}

export interface PartitionExtents {
  readonly partition: number;
  readonly logStartOffset: number;
  readonly endOffset: number;
  readonly runs: readonly ExtentRun[];
}

/** A run holds equally many extents as the others, the last one fewer. */
const runsMax = 1000;
const kindOf: Readonly<Record<Source["kind"], keyof StoredBytes>> = {
  inline: "inline",
  object: "wal",
  merged: "merged",
  segment: "segment",
  compacted: "segment",
};

interface GrowingRun {
  baseOffset: number;
  extents: number;
  bytes: Record<keyof StoredBytes, number>;
}

/** Partitions that the cell does not lead are left out. */
export function describeExtents(state: CellState, partitions: readonly PartitionRef[], runs: number): PartitionExtents[] {
  return partitions.flatMap((ref) => {
    const log = state.find(ref);
    if (log === undefined) return [];
    const { logStartOffset, nextOffset: endOffset } = log;
    return [{ partition: ref.partition, logStartOffset, endOffset, runs: runsOf(log, state.sources, runs) }];
  });
}

function runsOf({ extents, nextOffset }: PartitionLog, sources: Sources, wanted: number): PartitionExtents["runs"] {
  const count = wanted >= 1 ? Math.min(runsMax, Math.floor(wanted)) : 1;
  const perRun = Math.max(1, Math.ceil(extents.count / count));
  const runs: GrowingRun[] = [];
  extents.forEach((baseOffset, _byteStart, byteLength, source) => {
    let run = runs.at(-1);
    if (run === undefined || run.extents === perRun) {
      run = { baseOffset, extents: 0, bytes: noBytes() };
      runs.push(run);
    }
    run.extents += 1;
    run.bytes[kindOf[sources.kindOf(source)]] += byteLength;
  });
  return runs.map((run, index) => ({ ...run, nextOffset: runs[index + 1]?.baseOffset ?? nextOffset }));
}

/**
 * Of the whole cell, from sums that are kept anyway: to visit every extent would hold up commits. A row, a write-ahead object or a segment
 * counts until its last extent has gone; the rest of what extents refer to is merged.
 */
export function storedBytes({ partitions, sources }: CellState): StoredBytes {
  const { inlineBytes: inline, walBytes: wal, segmentBytes: segment } = sources;
  let all = 0;
  for (const { extents } of partitions.values()) all += extents.byteLength;
  return { inline, wal, merged: Math.max(0, all - inline - wal - segment), segment };
}

function noBytes(): Record<keyof StoredBytes, number> {
  return { inline: 0, wal: 0, merged: 0, segment: 0 };
}
