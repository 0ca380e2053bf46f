/**
 * Where a partition's bytes lie, for whoever wants to look: its extents in offset order, with neighbours taken together until there are few
 * enough to send and to draw. Counts what is referred to, not what the object store holds. Changes nothing.
 */
import type { PartitionRef } from "../coordinator.ts";
import type { CellState } from "./cell-state.ts";
import type { PartitionLog } from "./partition-log.ts";
import type { Source } from "./sources.ts";

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

/**
 * Goes through the extents of some partitions in steps, so that whoever has many does not hold up commits. What changes between two steps
 * may be told as it was before or as it is then. Partitions that the cell does not lead are left out.
 */
export class ExtentWalk {
  readonly #state: CellState;
  readonly #partitions: readonly PartitionRef[];
  readonly #runsWanted: number;
  readonly #done: PartitionExtents[] = [];
  #index = 0;
  #open: OpenPartition | undefined;

  constructor(state: CellState, partitions: readonly PartitionRef[], runs: number) {
    this.#state = state;
    this.#partitions = partitions;
    this.#runsWanted = runs >= 1 ? Math.min(runsMax, Math.floor(runs)) : 1;
  }

  /** Goes through so many extents at most; undefined while there are more. */
  step(extentsMax: number): readonly PartitionExtents[] | undefined {
    let left = extentsMax;
    for (; this.#index < this.#partitions.length; this.#index++) {
      const ref = this.#partitions[this.#index]!;
      const log = this.#state.find(ref);
      if (log !== undefined) {
        this.#open ??= this.#opened(log);
        left = this.#visit(log, this.#open, left);
        if (left < 0) return undefined;
        this.#done.push(closed(ref, log, this.#open.runs));
      }
      this.#open = undefined;
    }
    return this.#done;
  }

  #opened({ extents }: PartitionLog): OpenPartition {
    return { runs: [], perRun: Math.max(1, Math.ceil(extents.count / this.#runsWanted)), nextOffset: 0 };
  }

  /** Answers what is left of the step, less than 0 when it ended before the partition did. */
  #visit({ extents, nextOffset }: PartitionLog, open: OpenPartition, extentsMax: number): number {
    let left = extentsMax;
    const { runs, perRun } = open;
    const { sources } = this.#state;
    extents.scanWhile(open.nextOffset, nextOffset, (baseOffset, next, byteLength, source) => {
      left -= 1;
      if (left < 0) return false;
      // Joined since with what was told already.
      if (baseOffset < open.nextOffset) return true;
      let run = runs.at(-1);
      if (run === undefined || (run.extents >= perRun && runs.length < this.#runsWanted)) {
        run = { baseOffset, extents: 0, bytes: noBytes() };
        runs.push(run);
      }
      run.extents += 1;
      run.bytes[kindOf[sources.kindOf(source)]] += byteLength;
      open.nextOffset = next;
      return true;
    });
    return left;
  }
}

interface OpenPartition {
  readonly runs: GrowingRun[];
  readonly perRun: number;
  nextOffset: number;
}

function closed({ partition }: PartitionRef, log: PartitionLog, runs: readonly GrowingRun[]): PartitionExtents {
  const { logStartOffset, nextOffset: endOffset } = log;
  return {
    partition,
    logStartOffset,
    endOffset,
    runs: runs.map((run, index) => ({ ...run, nextOffset: runs[index + 1]?.baseOffset ?? endOffset })),
  };
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
