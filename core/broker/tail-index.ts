/**
 * What a broker knows of a cell's newest extents, so that reads at the tail need no look-up (D10). Updates apply any number of
 * times and in part: extents go by their offsets and bounds only rise, so a commit's own reply may run ahead of the push that
 * repeats it. Per partition a window at the tail, kept up by updates, and one further back, from the last look-up.
 */
import type { AbortedTransaction, Extent, FindResult, FollowUpdate, PartitionBounds, PartitionRef } from "../coordinator.ts";
import type { Block, CachePart } from "./block.ts";
import type { BlockCache } from "./block-cache.ts";
import type { ReadPart } from "./read-state.ts";

export interface IndexedExtent {
  readonly baseOffset: number;
  readonly nextOffset: number;
  readonly byteLength: number;
  readonly leaderEpoch: number;
  readonly key: string;
  readonly byteStart: number;
  /** Inline bytes, while they are in memory. */
  readonly inline: Block | undefined;
  /** Offsets are left out in it, and its batches say their own. */
  readonly compacted?: true | undefined;
}

export interface PartitionIndex extends PartitionRef {
  bounds: PartitionBounds | undefined;
  /** The tail window holds [tailStart, tailEnd), and tailEnd is the high watermark at the cell's cursor. */
  hasTail: boolean;
  tailStart: number;
  tailEnd: number;
  tail: IndexedExtent[];
  /**
   * Offsets below are stable, and the markers that made them so lie below `tailEnd`. The bounds may know of a later one from a look-up,
   * but not what was aborted for it.
   */
  tailStable: number;
  /** Those whose marker lies in the window: all that end at or behind an offset of it and begin below `tailStable`. */
  tailAborted: readonly AbortedTransaction[];
  cold: readonly IndexedExtent[];
  foundAt: number;
  findsUnanswered: number;
  /** Where the last read ended: who goes on from there reads in sequence. */
  readEnd: number;
  readonly waiters: Set<ReadPart>;
}

const tailExtentsMax = 192;
const tailExtentsTrim = 64;
const coldExtentsMax = 512;
const partitionsMax = 8192;

export class CellIndex {
  readonly cell: number;
  readonly #cache: BlockCache;
  readonly #topics = new Map<string, Map<number, PartitionIndex>>();
  #partitionCount = 0;
  /** Every indexed tail is complete up to here; undefined before the first look-up. */
  cursor: number | undefined;
  /** Look-ups of an earlier generation know nothing of this one's cursor. */
  generation = 0;

  constructor(cell: number, cache: BlockCache) {
    this.cell = cell;
    this.#cache = cache;
  }

  known(topicId: string, partition: number): PartitionIndex | undefined {
    return this.#topics.get(topicId)?.get(partition);
  }

  partition(topicId: string, partition: number): PartitionIndex {
    const known = this.known(topicId, partition);
    if (known !== undefined) return known;
    if (this.#partitionCount >= partitionsMax) this.#forgetIdle();
    const index: PartitionIndex = {
      topicId,
      partition,
      bounds: undefined,
      hasTail: false,
      tailStart: 0,
      tailEnd: 0,
      tail: [],
      tailStable: 0,
      tailAborted: [],
      cold: [],
      foundAt: Number.NEGATIVE_INFINITY,
      findsUnanswered: 0,
      readEnd: -1,
      waiters: new Set(),
    };
    const partitions = this.#topics.get(topicId);
    if (partitions === undefined) this.#topics.set(topicId, new Map([[partition, index]]));
    else partitions.set(partition, index);
    this.#partitionCount += 1;
    return index;
  }

  /** Answers the partition whose waiters should look again. */
  update(update: FollowUpdate): PartitionIndex | undefined {
    const index = this.known(update.topicId, update.partition);
    if (index === undefined) return undefined;
    if (update.kind === "deleted") forget(index);
    else {
      index.bounds = raised(index.bounds, update.bounds);
      if (update.kind === "appended") this.#append(index, update.extent, update.aborted);
      if (update.kind === "compacted") forgetPlaces(index);
      // An update tells of the moment at which it ends the tail, or of an earlier one.
      index.tailStable = Math.max(index.tailStable, update.bounds.lastStableOffset);
    }
    return index;
  }

  /** An extent that this broker committed; taken when it joins the tail, otherwise the push will bring it. */
  ownAppend(index: PartitionIndex, extent: IndexedExtent, logStartOffset: number, transactional: boolean): boolean {
    const { bounds } = index;
    if (!index.hasTail || bounds === undefined || extent.baseOffset !== index.tailEnd) return false;
    const stable = !transactional && bounds.lastStableOffset === index.tailEnd;
    if (!transactional && index.tailStable === index.tailEnd) index.tailStable = extent.nextOffset;
    push(index, extent);
    index.bounds = raised(bounds, {
      logStartOffset,
      highWatermark: extent.nextOffset,
      lastStableOffset: stable ? extent.nextOffset : bounds.lastStableOffset,
      leaderEpoch: extent.leaderEpoch,
    });
    return true;
  }

  #append(index: PartitionIndex, extent: Extent, aborted: AbortedTransaction | undefined): void {
    if (index.hasTail && extent.nextOffset <= index.tailEnd) return;
    if (!index.hasTail || extent.baseOffset !== index.tailEnd) beginTail(index, extent.baseOffset);
    if (aborted !== undefined) index.tailAborted = [...index.tailAborted, aborted];
    push(index, this.#indexed(extent, "tail"));
  }

  #indexed(extent: Extent, part: CachePart): IndexedExtent {
    const { baseOffset, nextOffset, byteLength, leaderEpoch, source, compacted } = extent;
    const indexed = { baseOffset, nextOffset, byteLength, leaderEpoch };
    if (source.kind === "object") {
      return { ...indexed, key: source.key, byteStart: source.byteStart, inline: undefined, compacted };
    }
    const inline = this.#cache.insert("", 0, source.records, false, part);
    return { ...indexed, key: "", byteStart: 0, inline };
  }

  /** `joins`: every update since before the look-up has reached this partition, so its tail begins where the look-up ended. */
  found(index: PartitionIndex, offset: number, result: FindResult, joins: boolean, now: number): readonly IndexedExtent[] {
    const extents = result.extents.map((extent) => this.#indexed(extent, "catchUp"));
    index.bounds = raised(index.bounds, result.bounds);
    index.foundAt = now;
    const end = extents.at(-1)?.nextOffset ?? offset;
    if (index.hasTail) this.#extend(index, extents, result);
    // A look-up that saw more than the tail has is newer, and what it saw is where the tail begins again.
    const newer = index.hasTail ? end > index.tailEnd : joins;
    if (newer && end === result.bounds.highWatermark) beginTail(index, end);
    if (index.hasTail && index.tailEnd === end && end === result.bounds.highWatermark) {
      index.tailStable = Math.max(index.tailStable, result.bounds.lastStableOffset);
    }
    if (extents.length > 0) index.cold = extents.length > coldExtentsMax ? extents.slice(0, coldExtentsMax) : extents;
    return extents;
  }

  /** What the look-up found right behind the tail. */
  #extend(index: PartitionIndex, extents: readonly IndexedExtent[], { abortedTransactions }: FindResult): void {
    const formerEnd = index.tailEnd;
    for (const extent of extents) if (extent.baseOffset === index.tailEnd) push(index, extent);
    const news = abortedTransactions.filter(({ lastOffset }) => lastOffset >= formerEnd && lastOffset < index.tailEnd);
    if (news.length > 0) index.tailAborted = [...index.tailAborted, ...news];
  }

  /** The leader says where the log begins and ends. */
  outOfRange(index: PartitionIndex, { bounds }: FindResult): void {
    index.bounds = raised(index.bounds, bounds);
  }

  /** The leader no longer knows what changed since the cursor. */
  gap(): void {
    this.cursor = undefined;
    this.generation += 1;
    for (const partitions of this.#topics.values()) for (const index of partitions.values()) forget(index);
  }

  *waiters(): Iterable<ReadPart> {
    for (const partitions of this.#topics.values()) for (const index of partitions.values()) yield* index.waiters;
  }

  #forgetIdle(): void {
    for (const [topicId, partitions] of this.#topics) {
      for (const [partition, { waiters, findsUnanswered }] of partitions) {
        if (waiters.size > 0 || findsUnanswered > 0) continue;
        partitions.delete(partition);
        this.#partitionCount -= 1;
      }
      if (partitions.size === 0) this.#topics.delete(topicId);
    }
  }
}

function beginTail(index: PartitionIndex, offset: number): void {
  index.hasTail = true;
  index.tail = [];
  index.tailStart = offset;
  index.tailEnd = offset;
  index.tailStable = 0;
  index.tailAborted = [];
}

function forget(index: PartitionIndex): void {
  index.bounds = undefined;
  index.hasTail = false;
  index.tail = [];
  index.tailStable = 0;
  index.tailAborted = [];
  index.cold = [];
  index.foundAt = Number.NEGATIVE_INFINITY;
}

/** Where the bytes lie is no longer sure: a merger may have moved them. What is at the tail and how far it goes still is. */
export function forgetPlaces(index: PartitionIndex): void {
  index.cold = [];
  index.tail = [];
  index.tailStart = index.tailEnd;
  index.tailAborted = [];
}

function push(index: PartitionIndex, extent: IndexedExtent): void {
  index.tail.push(extent);
  index.tailEnd = extent.nextOffset;
  if (index.tail.length <= tailExtentsMax) return;
  index.tail.splice(0, tailExtentsTrim);
  const start = index.tail[0]!.baseOffset;
  index.tailStart = start;
  if (index.tailAborted.length > 0) index.tailAborted = index.tailAborted.filter(({ lastOffset }) => lastOffset >= start);
}

function raised(known: PartitionBounds | undefined, told: PartitionBounds): PartitionBounds {
  if (known === undefined) return told;
  return {
    logStartOffset: Math.max(known.logStartOffset, told.logStartOffset),
    highWatermark: Math.max(known.highWatermark, told.highWatermark),
    lastStableOffset: Math.max(known.lastStableOffset, told.lastStableOffset),
    leaderEpoch: Math.max(known.leaderEpoch, told.leaderEpoch),
  };
}

export function extentWith(extents: readonly IndexedExtent[], offset: number): IndexedExtent | undefined {
  let low = 0;
  let high = extents.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const extent = extents[middle]!;
    if (offset < extent.baseOffset) high = middle - 1;
    else if (offset >= extent.nextOffset) low = middle + 1;
    else return extent;
  }
  return undefined;
}
