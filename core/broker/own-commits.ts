/**
 * What a broker's own commit appended, as extents: the same that the push from the leader will repeat, known one hop earlier.
 */
import { attributeMask } from "../../kernel/batch-layout.ts";
import type { BatchCoordinates, BatchResult, Cursor } from "../coordinator.ts";
import type { Part, PartEntry } from "../wal/lane.ts";
import type { Block } from "./block.ts";
import type { BlockCache } from "./block-cache.ts";
import type { CommitSource } from "./commit-chain.ts";
import type { CellIndex, PartitionIndex } from "./tail-index.ts";

export interface OwnCommit {
  readonly part: Part;
  readonly source: CommitSource;
  /** Of the object; empty when the records went inline. */
  readonly key: string;
  readonly results: readonly BatchResult[];
  /** Of the journal row that this commit is. */
  readonly cursor: Cursor;
}

interface OwnExtent {
  readonly baseOffset: number;
  nextOffset: number;
  readonly byteStart: number;
  byteLength: number;
  readonly leaderEpoch: number;
  readonly logStartOffset: number;
  transactional: boolean;
}

/** Adjacent batches that got adjacent offsets are one extent (D7); duplicates and refused ones lie between extents. */
function ownExtents(entry: PartEntry, byteStart: number, results: readonly BatchResult[], firstResult: number): OwnExtent[] {
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

function batchCountOf(entry: PartEntry): number {
  let count = 0;
  for (const { item } of entry.items) count += item.batches.length;
  return count;
}

/**
 * Takes the commit into the cell's index and calls for every partition that grew. When its row is the next one of the journal and
 * nothing of it is missing here, the push has nothing to add: the cursor moves on.
 */
export function takeOwnCommit(
  commit: OwnCommit,
  index: CellIndex,
  cache: BlockCache,
  grown: (partition: PartitionIndex) => void,
): void {
  const { part, source, key, results, cursor } = commit;
  let byteStart = source.kind === "inline" ? 0 : source.byteStart;
  let firstResult = 0;
  let inline: Block | undefined;
  let complete = true;
  for (const entry of part.entries) {
    const partition = index.known(entry.lane.topicId, entry.lane.partition);
    if (partition !== undefined) {
      for (const extent of ownExtents(entry, byteStart, results, firstResult)) {
        const joins = partition.hasTail && extent.baseOffset === partition.tailEnd;
        if (joins && source.kind === "inline") inline ??= cache.insert("", 0, source.records, true, "tail");
        if (joins && index.ownAppend(partition, { ...extent, key, inline }, extent.logStartOffset, extent.transactional))
          grown(partition);
        else if (!partition.hasTail || extent.nextOffset > partition.tailEnd) complete = false;
      }
    }
    byteStart += entry.byteLength;
    firstResult += batchCountOf(entry);
  }
  if (complete && index.cursor !== undefined && cursor === index.cursor + 1) index.cursor = cursor;
}
