/**
 * The drain of inline records (D4): when a cell holds too many of them in its journal rows, the oldest become one object of the cell.
 * Planned here, put by the shell, and then decided by comparing: an extent moves only where it still lies in the row that was read.
 * Nothing a consumer sees changes, whenever it dies [I5, I7].
 */
import type { PartitionRef } from "../coordinator.ts";
import { OperatingError } from "../operating-error.ts";
import { batchSizeAt, viewOf } from "../../kernel/batch-layout.ts";
import type { GatherPiece, Kernel } from "../../kernel/interface.ts";
import { compareParts, type MergedExtent, type MergedIdentity } from "../wal/format.ts";
import { mergedKey } from "../wal/key.ts";
import { encodeMergedFooter } from "../wal/merged.ts";
import type { CellState } from "./cell-state.ts";
import { entryKind } from "./entry-kind.ts";
import type { PackedReader, PackedWriter } from "./packed-bytes.ts";
import { timed } from "./partition-changes.ts";
import type { InlineSource } from "./sources.ts";

// What is drained at a cursor follows from the state of that cursor alone, so a PUT that is repeated writes the same bytes. A change of
// these figures needs another key: an old PUT may still be under way.
const drainBytesMax = 8 * 1024 * 1024;
/** Rows are read and extents are looked up in one turn. */
const drainExtentsMax = 10_000;

interface DrainedExtent extends PartitionRef {
  readonly cell: number;
  readonly partitionId: number;
  readonly baseOffset: number;
  readonly nextOffset: number;
  readonly leaderEpoch: number;
  readonly maxTimestamp: number;
  readonly row: number;
  /** In the row. */
  readonly byteStart: number;
  readonly byteLength: number;
}

/** The cursor is that of the state that it was made of: it names the object. */
export interface DrainPlan extends MergedIdentity {
  readonly key: string;
  /** To be read. */
  readonly rows: readonly number[];
  /** In the order of the object. */
  readonly extents: readonly DrainedExtent[];
}

/** Whole rows, the oldest first; at least one. Undefined when nothing is inline. */
export function planDrain(state: CellState, cell: number): DrainPlan | undefined {
  const rows: number[] = [];
  const extents: DrainedExtent[] = [];
  let bytes = 0;
  state.inlineExtents.forEach((row, partitionId, baseOffset) => {
    const log = state.partitions.get(partitionId)!;
    const extent = log.extents.at(baseOffset, log.nextOffset)!;
    if (row !== rows.at(-1)) {
      const source = state.sources.get(extent.source) as InlineSource;
      if (rows.length > 0 && (bytes + source.byteLength > drainBytesMax || extents.length >= drainExtentsMax)) return false;
      bytes += source.byteLength;
      rows.push(row);
    }
    const { nextOffset, byteStart, byteLength, maxTimestamp } = extent;
    const { ref } = log;
    const leaderEpoch = log.epochAt(baseOffset);
    extents.push({ cell, ...ref, partitionId, baseOffset, nextOffset, leaderEpoch, maxTimestamp, row, byteStart, byteLength });
    return true;
  });
  if (rows.length === 0) return undefined;
  extents.sort((left, right) => compareParts(left, right) || left.baseOffset - right.baseOffset);
  const identity = { cell, cursor: state.sequence, part: 0 };
  return { ...identity, key: mergedKey(identity), rows, extents };
}

/** The object with final offsets (D8) and its footer (D9). `readRow`: the inline bytes of a row. */
export function mergedObject(
  plan: DrainPlan,
  readRow: (row: number) => Uint8Array,
  kernel: Pick<Kernel, "gather" | "crc32c">,
): Uint8Array {
  const pieces: GatherPiece[] = [];
  const parts: MergedExtent[] = [];
  let position = 0;
  for (const { cell, topicId, partition, row, byteStart, byteLength, ...extent } of plan.extents) {
    const bytes = readRow(row).subarray(byteStart, byteStart + byteLength);
    const { baseOffset, nextOffset, leaderEpoch, maxTimestamp } = extent;
    pieces.push({ bytes, baseOffset, leaderEpoch });
    const batchCount = batchCountOf(bytes);
    const last = parts.at(-1);
    if (last?.topicId === topicId && last.partition === partition) {
      parts[parts.length - 1] = {
        ...last,
        byteLength: last.byteLength + byteLength,
        batchCount: last.batchCount + batchCount,
        maxTimestamp: Math.max(last.maxTimestamp, maxTimestamp),
        nextOffset,
      };
    } else {
      parts.push({ cell, topicId, partition, byteStart: position, byteLength, batchCount, maxTimestamp, baseOffset, nextOffset });
    }
    position += byteLength;
  }
  pieces.push({ bytes: encodeMergedFooter(plan, parts, (bytes) => kernel.crc32c(bytes)) });
  return kernel.gather(pieces);
}

function batchCountOf(records: Uint8Array): number {
  const view = viewOf(records);
  let count = 0;
  for (let position = 0; ; count++) {
    const size = batchSizeAt(view, position, records.length);
    if (size < 0) return count;
    position += size;
  }
}

/** The object rests. Undefined: meanwhile all its extents have gone. */
export function drainEntry(state: CellState, plan: DrainPlan, nowMs: number): PackedWriter | undefined {
  const kept: { readonly partitionId: number; readonly baseOffset: number; readonly position: number }[] = [];
  let position = 0;
  for (const { partitionId, baseOffset, row, byteLength } of plan.extents) {
    const log = state.partitions.get(partitionId);
    const extent = log?.extents.at(baseOffset, log.nextOffset);
    if (extent !== undefined && state.sources.inlineRowOf(extent.source) === row) kept.push({ partitionId, baseOffset, position });
    position += byteLength;
  }
  if (kept.length === 0) return undefined;
  const out = timed(nowMs);
  out.uint(entryKind.drain);
  out.uint(plan.cursor);
  out.uint(kept.length);
  let last = { partitionId: 0, baseOffset: 0, position: 0 };
  for (const extent of kept) {
    out.int(extent.partitionId - last.partitionId);
    out.int(extent.baseOffset - last.baseOffset);
    out.uint(extent.position - last.position);
    last = extent;
  }
  return out;
}

/** `released` hears of every row that nothing reads any more. */
export function applyDrain(state: CellState, reader: PackedReader, released: (source: InlineSource) => void): void {
  const cursor = reader.uint();
  const count = reader.uint();
  const source = state.sources.add({ kind: "merged", cursor, part: 0 }, count, 0);
  let partitionId = 0;
  let baseOffset = 0;
  let position = 0;
  let byteLength = 0;
  for (let left = count; left > 0; left--) {
    partitionId += reader.int();
    baseOffset += reader.int();
    position += reader.uint();
    const log = state.partitions.get(partitionId);
    // What has gone before it lies in the object all the same; what has gone behind the last one nobody tells.
    byteLength = position + (log?.extents.at(baseOffset, log.nextOffset)?.byteLength ?? 0);
    const former = log?.extents.move(baseOffset, source, position);
    if (former === undefined) throw new OperatingError("corrupt", "a journal row moves an extent that is not there");
    const dead = state.release(former);
    if (dead !== undefined) released(dead);
  }
  state.sources.tellBytes(source, byteLength);
}

/** The most commits that are let pass before a drain that failed is tried again. */
const commitsPassedMax = 1024;

/** When a drain may begin: with a commit, and after failures in a row with ever fewer of them, so that no timer is needed. */
export class DrainPace {
  #failures = 0;
  #pass = 0;

  /** Asked once a commit, which counts. */
  begins(): boolean {
    if (this.#pass === 0) return true;
    this.#pass -= 1;
    return false;
  }

  failed(): number {
    this.#failures += 1;
    this.#pass = Math.min(2 ** this.#failures, commitsPassedMax) - 1;
    return this.#failures;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#pass = 0;
  }
}
