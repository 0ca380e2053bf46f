/**
 * What of a partition may be compacted, and whether it is worth it: Kafka's rules of cleanable and dirty, with extents for segments. What
 * stands for the active segment is the log's last batch, and what no merge has taken yet as long as it is younger than segment.ms.
 */
import type { CellState } from "./cell-state.ts";
import type { PlannedExtent } from "./merge-plan.ts";
import type { PartitionLog } from "./partition-log.ts";

/** A claim's inputs pass through a merger, and while they do nothing else of the cell is merged. */
const chunkBytesMax = 128 * 1024 * 1024;
const chunkExtentsMax = 5000;
/** Whose keys a map may take: they are named in every claim. */
const dirtyBytesMax = 4 * 1024 * 1024 * 1024;
const dirtyExtentsMax = 10_000;
/** Records that travel with a claim, twice at most. */
const inlineBytesMax = 2 * 1024 * 1024;
/** A segment's index counts offsets in 32 bits, and so does the map of keys. */
const offsetsMax = 2 ** 31 - 1;
/** So much that is dirty is worth three objects; less waits until it is as old as a segment gets. */
const worthBytes = 8 * 1024 * 1024;
const never = 2 ** 51;

export interface CompactionLook {
  readonly isDue: boolean;
  /** When it will be, as things are; undefined: never. */
  readonly dueMs: number | undefined;
  /** Of all that could be compacted, the share that has not been. */
  readonly dirtyShare: number;
  /** What is dirty may be compacted up to here, where a batch begins. */
  readonly endOffset: number;
  readonly visited: number;
}

export function lookForCompaction(state: CellState, log: PartitionLog, nowMs: number): CompactionLook {
  const { segmentBytes, segmentMs, minCompactionLagMs, maxCompactionLagMs, minCleanableDirtyMillionths } = log.settings;
  const { sources } = state;
  const limitOffset = Math.min(log.lastStableOffset, log.lastBatchOffset);
  const rollMs = Math.min(segmentMs, maxCompactionLagMs);
  let endOffset = dirtyStart(log);
  let dirtyBytes = 0;
  let cleanableBytes = 0;
  let visited = 0;
  let laterMs = Infinity;
  let isOpen = true;
  log.extents.scanWhile(endOffset, log.nextOffset, (baseOffset, nextOffset, byteLength, source, maxTimestamp) => {
    visited += 1;
    // Where the last map was full in the middle of it.
    if (baseOffset < log.cleanedOffset) return true;
    dirtyBytes += byteLength;
    if (!isOpen) return true;
    const kind = sources.kindOf(source);
    const waitMs = kind === "inline" || kind === "object" ? Math.max(minCompactionLagMs, rollMs) : minCompactionLagMs;
    const isOld = waitMs === 0 || (maxTimestamp < 0 ? kind === "merged" : maxTimestamp + waitMs <= nowMs);
    isOpen = baseOffset < limitOffset && !sources.isSetAside(source);
    if (isOpen && !isOld && maxTimestamp >= 0) laterMs = maxTimestamp + waitMs;
    isOpen &&= isOld;
    if (!isOpen) return true;
    cleanableBytes += byteLength;
    endOffset = Math.min(nextOffset, limitOffset);
    return true;
  });
  const bytes = log.extents.byteLength - dirtyBytes + cleanableBytes;
  const isDirty = cleanableBytes * 1_000_000 > minCleanableDirtyMillionths * bytes;
  const isWorth = cleanableBytes >= Math.min(segmentBytes, worthBytes);
  const sinceMs = log.dirtySinceMs < 0 ? Infinity : log.dirtySinceMs;
  const readyMs =
    cleanableBytes === 0
      ? Infinity
      : Math.min(sinceMs + maxCompactionLagMs, isDirty ? (isWorth ? nowMs : sinceMs + segmentMs) : Infinity);
  const dueMs = Math.min(readyMs, laterMs);
  const dirtyShare = bytes === 0 ? 0 : cleanableBytes / bytes;
  return { isDue: readyMs <= nowMs, dueMs: dueMs < never ? dueMs : undefined, dirtyShare, endOffset, visited };
}

function dirtyStart({ cleanedOffset, logStartOffset }: PartitionLog): number {
  return Math.max(cleanedOffset, logStartOffset);
}

/** Neighbours from the one that holds `from` on, of those that begin below `endOffset`. */
function extentsFrom(
  state: CellState,
  log: PartitionLog,
  from: number,
  endOffset: number,
  limits: { readonly bytes: number; readonly extents: number },
): PlannedExtent[] {
  const planned: PlannedExtent[] = [];
  let bytes = 0;
  let inlineBytes = 0;
  log.extents.scan(from, log.nextOffset, (extent) => {
    if (extent.baseOffset >= endOffset) return false;
    if (state.sources.isSetAside(extent.source)) return planned.length === 0;
    bytes += extent.byteLength;
    if (state.sources.kindOf(extent.source) === "inline") inlineBytes += extent.byteLength;
    const isFull =
      bytes > limits.bytes ||
      inlineBytes > inlineBytesMax ||
      planned.length === limits.extents ||
      extent.nextOffset - (planned[0]?.baseOffset ?? extent.baseOffset) > offsetsMax;
    if (isFull && planned.length > 0) return false;
    planned.push({ log, ...extent });
    return true;
  });
  return planned;
}

/** What is dirty and may be compacted. */
export function planDirty(state: CellState, log: PartitionLog, endOffset: number, share = 1): PlannedExtent[] {
  return extentsFrom(state, log, dirtyStart(log), endOffset, { bytes: dirtyBytesMax * share, extents: dirtyExtentsMax });
}

/** What is written anew with one claim; empty when nothing is left below `endOffset`. Damaged extents are left where they are. */
export function planChunk(state: CellState, log: PartitionLog, from: number, endOffset: number, share = 1): PlannedExtent[] {
  const start = Math.max(from, log.logStartOffset);
  if (start >= endOffset) return [];
  return extentsFrom(state, log, start, endOffset, { bytes: chunkBytesMax * share, extents: chunkExtentsMax });
}
