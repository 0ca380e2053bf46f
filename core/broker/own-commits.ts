/**
 * What a broker's own commit appended, as extents: the same that the push from the leader will repeat, known one hop earlier.
 */
import { attributeMask } from "../../kernel/batch-layout.ts";
import type { BatchCoordinates, BatchResult } from "../coordinator.ts";
import type { PartEntry } from "../wal/part.ts";

export interface OwnExtent {
  readonly baseOffset: number;
  nextOffset: number;
  readonly byteStart: number;
  byteLength: number;
  readonly leaderEpoch: number;
  readonly logStartOffset: number;
  transactional: boolean;
}

/** Adjacent batches that got adjacent offsets are one extent (D7); duplicates and refused ones lie between extents. */
export function ownExtents(entry: PartEntry, byteStart: number, results: readonly BatchResult[], firstResult: number): OwnExtent[] {
  const extents: OwnExtent[] = [];
  let position = byteStart;
  let at = firstResult;
  for (const { item } of entry.items) {
    for (const batch of item.batches) {
      const result = results[at];
      if (result !== undefined && result.errorCode === 0 && !result.duplicate) add(extents, batch, result, position);
      position += batch.size;
      at += 1;
    }
  }
  return extents;
}

function add(extents: OwnExtent[], batch: BatchCoordinates, result: BatchResult, byteStart: number): void {
  const { baseOffset, leaderEpoch, logStartOffset } = result;
  const nextOffset = baseOffset + batch.offsetCount;
  const transactional = (batch.attributes & attributeMask.transactional) !== 0;
  const last = extents.at(-1);
  if (last?.nextOffset === baseOffset && last.byteStart + last.byteLength === byteStart && last.leaderEpoch === leaderEpoch) {
    last.nextOffset = nextOffset;
    last.byteLength += batch.size;
    last.transactional ||= transactional;
  } else extents.push({ baseOffset, nextOffset, byteStart, byteLength: batch.size, leaderEpoch, logStartOffset, transactional });
}

export function batchCountOf(entry: PartEntry): number {
  let count = 0;
  for (const { item } of entry.items) count += item.batches.length;
  return count;
}
