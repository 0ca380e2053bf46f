/**
 * What of a cell is merged next (D11), from its state alone. First the oldest write-ahead objects, as wholes, so that nothing refers to
 * them afterwards and they can be deleted. Then extents that were merged before and are small, where that makes them an order of
 * magnitude larger: so a byte is written again a bounded number of times, and a partition has a bounded number of extents. At last what is
 * left in objects of which most has gone, as an object is deleted as a whole.
 */
import { compareRefs } from "../wal/format.ts";
import type { CellState } from "./cell-state.ts";
import type { PartitionLog } from "./partition-log.ts";
import { compacts, extentLimit, waitsForSegment } from "./partition-settings.ts";

/**
 * What one claim may hold: its bytes pass through a merger, its extents through one row. Bytes of four windows, as one that is filled in part
 * takes as many reads as a full one.
 */
const claimBytesMax = 96 * 1024 * 1024;
const claimExtentsMax = 16_500;
/** As much as a merger reads at once. Beyond that each part of a claim gets its own range of each object, which only pays if objects are large. */
const narrowBytesMax = 24 * 1024 * 1024;
const largeBytes = 1024 * 1024;

/** Records that travel with the claim. */
const inlineBytesMax = 4 * 1024 * 1024;

/** Sizes are told apart by powers of sixteen. Extents of this class, 1 MiB, are not merged again. */
const sizeClassBits = 4;
const fullClass = 5;
/** Merging again is worth an object: so many bytes, or so many extents of one partition that wait for it. */
const againBytesMin = 8 * 1024 * 1024;
const againExtentsMin = 32;

/** Hollow objects are worth one when such a part of what the cell holds is for nobody. */
const hollowShareMin = 1 / 16;

export interface PlannedExtent {
  readonly log: PartitionLog;
  readonly baseOffset: number;
  nextOffset: number;
  readonly byteStart: number;
  readonly byteLength: number;
  readonly maxTimestamp: number;
  readonly source: number;
}

/** So many bytes in write-ahead objects are a claim of its own. */
export function isWorthAClaim(state: CellState): boolean {
  return state.sources.walBytes >= narrowBytesMax;
}

/** As their records lie in an object. The leader is blocked meanwhile, so partitions are sorted, not their extents. */
function logsInOrder(state: CellState): PartitionLog[] {
  return [...state.partitions.values()].sort((left, right) => compareRefs(left.ref, right.ref));
}

/**
 * Extents in the order of the object to be; undefined when no write-ahead object waits. Inline records before and between
 * them are taken too, or they would keep neighbours apart until there are enough of them for a drain.
 */
export function planFirstMerge(state: CellState, share = 1): PlannedExtent[] | undefined {
  const sources = new Set<number>();
  let bytes = 0;
  let extents = 0;
  let newestMs = 0;
  for (const source of state.sources.oldestWal()) {
    const limit = ((bytes + source.byteLength) / (sources.size + 1) >= largeBytes ? claimBytesMax : narrowBytesMax) * share;
    if (sources.size > 0 && (bytes + source.byteLength > limit || extents + source.extents > claimExtentsMax)) break;
    sources.add(source.id);
    bytes += source.byteLength;
    extents += source.extents;
    newestMs = source.atMs;
  }
  if (sources.size === 0) return undefined;
  const planned = extentsIn(state, sources, newestMs);
  // A clock that went back has newer objects look older.
  return planned.length > 0 ? planned : extentsIn(state, sources, Infinity);
}

/** Extents lie in the order in which they came: behind those of an object that came after the newest of the sources are none of theirs. */
function extentsIn(state: CellState, sources: ReadonlySet<number>, newestMs: number): PlannedExtent[] {
  const planned: PlannedExtent[] = [];
  let inlineBytes = 0;
  let inlineExtents = 0;
  for (const log of logsInOrder(state)) {
    /** Inline extents since the last one that is taken: they go along when they lie between two. */
    let between: PlannedExtent[] = [];
    /** Where it ends is where the next one begins. */
    let last: PlannedExtent | undefined;
    log.extents.forEach((baseOffset, byteStart, byteLength, source, maxTimestamp) => {
      if (last !== undefined) last.nextOffset = baseOffset;
      last = undefined;
      const isTaken = sources.has(source);
      if (!isTaken && (state.sources.inlineRowOf(source) < 0 || state.sources.isSetAside(source))) {
        between = [];
        return !state.sources.isWalAfter(source, newestMs);
      }
      if (!isTaken && (inlineBytes + byteLength > inlineBytesMax || inlineExtents >= claimExtentsMax)) return true;
      last = { log, baseOffset, nextOffset: log.nextOffset, byteStart, byteLength, maxTimestamp, source };
      between.push(last);
      if (!isTaken) {
        inlineBytes += byteLength;
        inlineExtents += 1;
        return true;
      }
      for (const extent of between) planned.push(extent);
      between = [];
      return true;
    });
  }
  return planned;
}

interface Run {
  readonly log: PartitionLog;
  readonly baseOffset: number;
  readonly count: number;
  readonly byteLength: number;
}

/** A segment's indexes count offsets and positions in 32 bits. */
const segmentOffsetsMax = 2 ** 31 - 1;
const segmentBytesMax = 1024 * 1024 * 1024;
/** Times from here on stand for no time at all. */
export const never = 2 ** 51;
/** What has waited is worth three objects from here on; less only once in a while. */
const waitingBytesMin = 8 * 1024 * 1024;

/** A smaller one is not made more often: where records say old times, or segment.ms is short, each merge would be followed by one. */
export const smallSegmentMs = 3_600_000;

export interface SegmentLook {
  /** The oldest extents of a partition that are enough for a segment, or have waited for one. */
  readonly extents: readonly PlannedExtent[] | undefined;
  /** When some will have waited, as things are; undefined: never. */
  readonly dueMs: number | undefined;
}

/** `smallMs`: when a partition got its last small segment, -Infinity where that is not known. */
export function lookForSegment(state: CellState, nowMs: number, smallMs: (log: PartitionLog) => number, share = 1): SegmentLook {
  let dueMs: number | undefined;
  for (const log of state.partitions.values()) {
    const look = segmentOf(state, log, nowMs, smallMs(log), share);
    if (look.extents !== undefined) return look;
    if (look.dueMs !== undefined) dueMs = Math.min(dueMs ?? Infinity, look.dueMs);
  }
  return { extents: undefined, dueMs };
}

export function isSmallSegment(extents: readonly PlannedExtent[]): boolean {
  return extents.reduce((sum, { byteLength }) => sum + byteLength, 0) < waitingBytesMin;
}

/** Neighbours that may become a segment. */
interface Row {
  readonly baseOffset: number;
  readonly isOld: boolean;
  readonly oldMs: number;
  count: number;
  bytes: number;
  inlineBytes: number;
}

const nothingToDo: SegmentLook = { extents: undefined, dueMs: undefined };

function segmentOf(state: CellState, log: PartitionLog, nowMs: number, smallMs: number, share: number): SegmentLook {
  // What is to be compacted is written anew then.
  if (compacts(log.settings)) return nothingToDo;
  const { segmentBytes, segmentMs } = log.settings;
  const bytesMax = Math.min(segmentBytes, segmentBytesMax * share);
  const mayWait = !waitsForSegment(log.settings);
  if (mayWait && log.extents.byteLength < bytesMax) return nothingToDo;
  const { sources } = state;
  let row: Row | undefined;
  let found: Row | undefined;
  let dueMs = Infinity;
  const isWorth = ({ isOld, bytes }: Row): boolean => isOld && (bytes >= waitingBytesMin || smallMs + smallSegmentMs <= nowMs);
  const end = (): boolean => {
    if (row !== undefined && isWorth(row)) found = row;
    else if (row !== undefined) dueMs = Math.min(dueMs, row.isOld ? smallMs + smallSegmentMs : row.oldMs);
    row = undefined;
    return found === undefined;
  };
  log.extents.scanWhile(log.logStartOffset, log.nextOffset, (baseOffset, nextOffset, byteLength, source, maxTimestamp) => {
    const oldMs = mayWait ? Infinity : maxTimestamp + segmentMs;
    const isOld = row?.isOld ?? oldMs <= nowMs;
    const kind = sources.kindOf(source);
    const isInline = kind === "inline";
    // Inline records wait for their drain, unless they are old: then they go along in the claim.
    const isTaken = (kind === "merged" || (isInline && isOld && byteLength <= inlineBytesMax)) && !sources.isSetAside(source);
    // One that is larger is a single batch, or was written when segment.bytes was larger: it stays where it is.
    if (!isTaken || byteLength > bytesMax || nextOffset - baseOffset > segmentOffsetsMax) {
      if (isInline && !isOld) dueMs = Math.min(dueMs, oldMs);
      return end();
    }
    if (row !== undefined) {
      const isFull =
        row.bytes + byteLength > bytesMax || nextOffset - row.baseOffset > segmentOffsetsMax || row.count === claimExtentsMax;
      if (isFull) {
        found = row;
        return false;
      }
      if (isInline && row.inlineBytes + byteLength > inlineBytesMax && !end()) return false;
    }
    row ??= { baseOffset, isOld: oldMs <= nowMs, oldMs, count: 0, bytes: 0, inlineBytes: 0 };
    row.count += 1;
    row.bytes += byteLength;
    row.inlineBytes += isInline ? byteLength : 0;
    return true;
  });
  found ??= fullRow(row, bytesMax);
  if (found === undefined) end();
  if (found !== undefined) return { extents: extentsFrom(log, found.baseOffset, found.count), dueMs: undefined };
  return { extents: undefined, dueMs: dueMs < never ? dueMs : undefined };
}

function fullRow(row: Row | undefined, bytesMax: number): Row | undefined {
  return row !== undefined && row.bytes >= bytesMax ? row : undefined;
}

function extentsFrom(log: PartitionLog, baseOffset: number, count: number): PlannedExtent[] {
  const extents: PlannedExtent[] = [];
  log.extents.scan(baseOffset, log.nextOffset, (extent) => extents.push({ log, ...extent }) < count);
  return extents;
}

export interface NextMerge {
  readonly extents: readonly PlannedExtent[];
  /** Whose turn is next, as a claim may not hold all. */
  readonly nextPartition: number;
}

/** Undefined when merging again is not worth it yet. `fromPartition`: whose turn it is. */
export function planNextMerge(state: CellState, fromPartition: number, share = 1): NextMerge | undefined {
  const runs: Run[] = [];
  for (const log of state.partitions.values()) runs.push(...runsOf(state, log));
  const bytes = runs.reduce((sum, { byteLength }) => sum + byteLength, 0);
  if (bytes < againBytesMin && !runs.some(({ count }) => count >= againExtentsMin)) return undefined;
  const turn = runs.findIndex(({ log }) => log.id >= fromPartition);
  const inTurn = turn <= 0 ? runs : [...runs.slice(turn), ...runs.slice(0, turn)];
  const chosen: Run[] = [];
  let takenBytes = 0;
  let takenExtents = 0;
  for (const run of inTurn) {
    const isTooMuch = takenBytes + run.byteLength > claimBytesMax * share || takenExtents + run.count > claimExtentsMax;
    if (chosen.length > 0 && isTooMuch) break;
    takenBytes += run.byteLength;
    takenExtents += run.count;
    chosen.push(run);
  }
  const nextPartition = chosen.at(-1)!.log.id + 1;
  chosen.sort((left, right) => compareRefs(left.log.ref, right.log.ref) || left.baseOffset - right.baseOffset);
  const extents: PlannedExtent[] = [];
  for (const { log, baseOffset, count } of chosen) for (const extent of extentsFrom(log, baseOffset, count)) extents.push(extent);
  return { extents, nextPartition };
}

interface Hollow {
  readonly id: number;
  readonly liveBytes: number;
  readonly deadBytes: number;
  readonly extents: number;
}

/**
 * What is left in merged objects of which at least half has gone; undefined when that is not worth an object. Each byte that is written again
 * frees at least one, so what nobody reads never weighs more than what somebody does, and a little.
 */
export function planHollow(state: CellState, deadBytesMin: number, share = 1): PlannedExtent[] | undefined {
  const { sources } = state;
  const live = new Float64Array(sources.idLimit);
  const counts = new Uint32Array(sources.idLimit);
  let heldBytes = 0;
  for (const log of state.partitions.values()) {
    heldBytes += log.extents.byteLength;
    log.extents.forEach((_baseOffset, _start, byteLength, source) => {
      live[source]! += byteLength;
      counts[source]! += 1;
    });
  }
  const hollow: Hollow[] = [];
  for (const [id, liveBytes] of live.entries()) {
    const extents = counts[id]!;
    if (extents === 0 || sources.kindOf(id) !== "merged" || sources.isSetAside(id)) continue;
    const deadBytes = sources.bytesOf(id) - liveBytes;
    if (deadBytes >= liveBytes) hollow.push({ id, liveBytes, deadBytes, extents });
  }
  const chosen = new Set<number>();
  let [liveBytes, deadBytes, extents] = [0, 0, 0];
  for (const object of hollow.sort((left, right) => right.deadBytes - left.deadBytes)) {
    if (liveBytes + object.liveBytes > claimBytesMax * share || extents + object.extents > claimExtentsMax) continue;
    chosen.add(object.id);
    liveBytes += object.liveBytes;
    deadBytes += object.deadBytes;
    extents += object.extents;
  }
  if (chosen.size === 0 || deadBytes < Math.max(deadBytesMin, heldBytes * hollowShareMin)) return undefined;
  return extentsIn(state, chosen, Infinity);
}

/** Neighbours that lie in merged objects and are worth merging: of each row of them, the youngest that together rise to a larger class. */
function runsOf(state: CellState, log: PartitionLog): Run[] {
  const runs: Run[] = [];
  let offsets: number[] = [];
  let sizes: number[] = [];
  const end = (): void => {
    const count = countThatRises(sizes);
    if (count > 0) {
      const byteLength = sizes.slice(-count).reduce((sum, size) => sum + size, 0);
      runs.push({ log, baseOffset: offsets.at(-count)!, count, byteLength });
    }
    offsets = [];
    sizes = [];
  };
  const bytesMax = extentLimit(log.settings);
  log.extents.forEach((baseOffset, _start, byteLength, source) => {
    // What cannot grow is not copied again.
    const isFull = sizeClassOf(byteLength) >= fullClass || byteLength > bytesMax;
    if (state.sources.kindOf(source) !== "merged" || state.sources.isSetAside(source) || isFull) {
      if (sizes.length > 0) end();
      return;
    }
    offsets.push(baseOffset);
    sizes.push(byteLength);
  });
  end();
  return runs;
}

/**
 * How many of the last extents are merged: for the highest class possible those that are in it or below, if together they rise above it.
 * So each byte rises with each merge, and of no class are there more than fifteen in a row.
 */
export function countThatRises(sizes: readonly number[]): number {
  let at = sizes.length;
  let sum = 0;
  let best = 0;
  for (let sizeClass = 0; sizeClass < fullClass; sizeClass++) {
    while (at > 0 && sizeClassOf(sizes[at - 1]!) <= sizeClass) {
      at -= 1;
      sum += sizes[at]!;
    }
    if (sizes.length - at >= 2 && sizeClassOf(sum) > sizeClass) best = sizes.length - at;
  }
  return Math.min(best, claimExtentsMax);
}

function sizeClassOf(byteLength: number): number {
  return Math.floor((31 - Math.clz32(byteLength)) / sizeClassBits);
}
