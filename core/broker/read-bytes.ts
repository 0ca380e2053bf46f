/**
 * From extents to the bytes of a response: which extents a read takes within its limits, which of them are missing here, and the
 * whole batches to send. Bytes are checked and get their final offsets the first time they are read (D8); damaged ones are
 * dropped and reported, never sent.
 */
import { batchField, readInt64, viewOf } from "../../kernel/batch-layout.ts";
import type { Kernel } from "../../kernel/interface.ts";
import type { AbortedTransaction } from "../coordinator.ts";
import { extentFault, sliceBatches } from "./batch-walk.ts";
import type { Block, CachePart } from "./block.ts";
import type { BlockCache } from "./block-cache.ts";
import type { EffectSink } from "./events.ts";
import { isSegmentKey } from "../wal/key.ts";
import { urgency, type Urgency } from "./object-reads.ts";
import type { Read, ReadPart } from "./read-state.ts";
import { extentWith, type IndexedExtent } from "./tail-index.ts";

export interface Want {
  readonly part: ReadPart;
  readonly key: string;
  readonly start: number;
  end: number;
  readonly urgency: Urgency;
}

export interface PartBytes {
  readonly records: Uint8Array[];
  byteLength: number;
  nextOffset: number;
  /** Transactional batches were met, and which of them are aborted is not known here. */
  transactional: boolean;
  damaged: boolean;
}

/** The extent with the part's next offset. With a look-up's list of aborted transactions nothing beyond that look-up may be read. */
export function nextExtent(part: ReadPart, offset: number): IndexedExtent | undefined {
  const { found, index, read } = part;
  const extent = found === undefined ? undefined : extentWith(found.extents, offset);
  if (extent !== undefined || (found !== undefined && read.request.readCommitted)) return extent;
  return extentWith(index.tail, offset) ?? extentWith(index.cold, offset);
}

/** Offsets from here on are not for this reader (I4). */
export function readableEnd(part: ReadPart): number {
  const { read, found, index } = part;
  if (!read.request.readCommitted) return Number.POSITIVE_INFINITY;
  if (found !== undefined) return found.lastStableOffset;
  return readsTail(part) ? index.tailStable : (index.bounds?.lastStableOffset ?? 0);
}

/** The tail window has all that the part may read, and knows what was aborted in it. */
function readsTail({ index, item }: ReadPart): boolean {
  return index.hasTail && item.offset >= index.tailStart;
}

/** For whom the bytes that it reads are kept. */
export function cachePartOf({ found, index, item }: ReadPart): CachePart {
  return found !== undefined || item.offset < index.tailStart || !index.hasTail ? "catchUp" : "tail";
}

/** Those that a read_committed reader must be told of with the range it gets. */
export function abortedBefore(part: ReadPart, nextOffset: number): AbortedTransaction[] {
  const { found, index, item } = part;
  const known = found?.abortedTransactions ?? (readsTail(part) ? index.tailAborted : []);
  const overlapping = known.filter(({ firstOffset, lastOffset }) => firstOffset < nextOffset && lastOffset >= item.offset);
  return overlapping.sort((left, right) => left.firstOffset - right.firstOffset);
}

/** Neighbours in one object are got together when what lies between them costs less than another GET. */
const gapBytesMax = 64 * 1024;
const spanBytesMax = 8 * 1024 * 1024;
/** Of one partition's segments for one answer: what would take a third is left for the next. */
const segmentGetsMax = 2;

export class ReadBytes {
  readonly #cache: BlockCache;
  readonly #kernel: Pick<Kernel, "assignOffsets" | "crc32c">;
  readonly #sink: EffectSink;

  constructor(cache: BlockCache, kernel: Pick<Kernel, "assignOffsets" | "crc32c">, sink: EffectSink) {
    this.#cache = cache;
    this.#kernel = kernel;
    this.#sink = sink;
  }

  /**
   * What must be got before the read can be answered in full; marks parts whose inline bytes are gone. What is here is pinned, or
   * it could have gone when the rest has come.
   */
  wants(read: Read): Want[] {
    const wants: Want[] = [];
    let room = read.maxBytes;
    for (let turn = 0; turn < read.parts.length && room > 0; turn += 1) {
      const part = read.parts[(read.first + turn) % read.parts.length]!;
      if (part.errorCode === 0 && part.available > 0) room -= this.#partWants(part, Math.min(room, part.item.maxBytes), wants);
    }
    return joined(wants);
  }

  #partWants(part: ReadPart, room: number, wants: Want[]): number {
    const end = readableEnd(part);
    let offset = part.item.offset;
    let taken = 0;
    let gets = 0;
    let span: Want | undefined;
    do {
      const extent = nextExtent(part, offset);
      if (extent === undefined || extent.baseOffset >= end) break;
      if (extent.byteLength === 0) {
        offset = extent.nextOffset;
        continue;
      }
      if (extent.inline !== undefined) {
        if (!extent.inline.resident && extent.inline.pins === 0) {
          part.needsFind ||= taken === 0;
          break;
        }
        this.pin(part.read, extent.inline);
      } else {
        const block = this.#cache.find(extent.key, extent.byteStart, extent.byteLength, cachePartOf(part));
        if (block !== undefined) this.pin(part.read, block);
        else {
          const want = wantOf(part, extent);
          if (span !== undefined && joins(span, want)) span.end = want.end;
          else {
            gets += 1;
            span = { ...want };
          }
          if (gets > segmentGetsMax && isSegmentKey(extent.key)) break;
          wants.push(want);
        }
      }
      // Batches before the offset aren't sent; how many bytes they take is only guessed.
      const wanted = (extent.nextOffset - offset) / (extent.nextOffset - extent.baseOffset);
      taken += extent.byteLength * wanted;
      offset = extent.nextOffset;
    } while (taken < room && !(part.strikes > 0 && taken > 0));
    return taken;
  }

  pin(read: Read, block: Block): void {
    this.#cache.pin(block);
    read.pinned.push(block);
  }

  /** Extents behind what was just read that a reader in sequence will want. */
  ahead(part: ReadPart, fromOffset: number): Want[] {
    const wants: Want[] = [];
    let offset = fromOffset;
    for (let taken = 0; taken < part.item.maxBytes;) {
      const extent = nextExtent(part, offset);
      if (extent === undefined) break;
      const { key, byteStart, byteLength, inline } = extent;
      if (inline === undefined && byteLength > 0 && !this.#cache.has(key, byteStart, byteLength)) wants.push(wantOf(part, extent));
      taken += extent.byteLength;
      offset = extent.nextOffset;
    }
    return joined(wants);
  }

  /** Whole batches up to `room`, as far as they are in memory. */
  take(part: ReadPart, room: number, firstWhole: boolean): PartBytes {
    const beforeOffset = readableEnd(part);
    const knowsAborted = !part.read.request.readCommitted || part.found !== undefined || readsTail(part);
    const taken: PartBytes = { records: [], byteLength: 0, nextOffset: part.item.offset, transactional: false, damaged: false };
    const mayTake = (): boolean =>
      taken.byteLength === 0 ? room > 0 || firstWhole : taken.byteLength < room && part.strikes === 0;
    while (mayTake()) {
      const extent = nextExtent(part, taken.nextOffset);
      if (extent?.byteLength === 0 && extent.nextOffset <= beforeOffset) {
        taken.nextOffset = extent.nextOffset;
        continue;
      }
      const block = extent === undefined ? undefined : this.blockOf(extent, cachePartOf(part));
      if (extent === undefined || block === undefined) break;
      const bytes = this.bytesOf(block, extent);
      if (bytes === undefined) {
        taken.damaged = true;
        break;
      }
      const limits = {
        fromOffset: taken.nextOffset,
        beforeOffset,
        maxBytes: room - taken.byteLength,
        firstWhole: firstWhole && taken.byteLength === 0,
      };
      const slice = sliceBatches(bytes, extent, limits);
      if (slice.end === slice.start) break;
      if (slice.transactional && !knowsAborted) taken.transactional = true;
      taken.records.push(bytes.subarray(slice.start, slice.end));
      taken.byteLength += slice.end - slice.start;
      taken.nextOffset = slice.nextOffset;
      this.pin(part.read, block);
      if (slice.nextOffset < extent.nextOffset) break;
    }
    return taken;
  }

  blockOf(extent: IndexedExtent, part: CachePart): Block | undefined {
    if (extent.inline === undefined) return this.#cache.find(extent.key, extent.byteStart, extent.byteLength, part);
    if (!extent.inline.resident && extent.inline.pins === 0) return undefined;
    this.#cache.touch(extent.inline, part);
    return extent.inline;
  }

  /** The extent's bytes with final offsets; undefined when they are damaged. */
  bytesOf(block: Block, extent: IndexedExtent): Uint8Array | undefined {
    const at = extent.byteStart - block.start;
    const bytes = block.bytes.subarray(at, at + extent.byteLength);
    if ((block.ready.get(extent.byteStart) ?? 0) >= extent.byteLength) return this.#withOffsets(block, bytes, extent);
    const fault = extentFault(bytes, extent, block.trusted ? undefined : this.#kernel.crc32c);
    if (fault !== undefined) {
      this.#cache.drop(block);
      const fields = { key: extent.key, start: extent.byteStart, length: extent.byteLength, baseOffset: extent.baseOffset, fault };
      this.#sink.push({ kind: "log", level: "error", event: "extent-damaged", fields });
      return undefined;
    }
    if (extent.compacted !== true) this.#kernel.assignOffsets(bytes, extent.baseOffset, extent.leaderEpoch);
    block.ready.set(extent.byteStart, extent.byteLength);
    return bytes;
  }

  /** A cell that was recovered gives write-ahead bytes offsets anew. An answer that is on its way keeps those it has. */
  #withOffsets(block: Block, bytes: Uint8Array, { baseOffset, leaderEpoch, compacted }: IndexedExtent): Uint8Array {
    if (compacted === true || readInt64(viewOf(bytes), batchField.baseOffset) === baseOffset) return bytes;
    const anew = block.pins === 0 ? bytes : bytes.slice();
    this.#kernel.assignOffsets(anew, baseOffset, leaderEpoch);
    return anew;
  }
}

function wantOf(part: ReadPart, { key, byteStart, byteLength }: IndexedExtent): Want {
  const wish = cachePartOf(part) === "tail" ? urgency.tail : urgency.cold;
  return { part, key, start: byteStart, end: byteStart + byteLength, urgency: wish };
}

function joins(head: Want, { key, start, end }: Want): boolean {
  return key === head.key && start - head.end <= gapBytesMax && end - head.start <= spanBytesMax;
}

function joined(wants: Want[]): Want[] {
  if (wants.length < 2) return wants;
  wants.sort((left, right) => (left.key === right.key ? left.start - right.start : left.key < right.key ? -1 : 1));
  // The part that waits is the first; the others are told apart by their own entry, with the joined range.
  let first = 0;
  for (let at = 1; at <= wants.length; at += 1) {
    const head = wants[first]!;
    const want = wants[at];
    if (want !== undefined && joins(head, want)) {
      head.end = Math.max(head.end, want.end);
      continue;
    }
    for (let member = first + 1; member < at; member += 1) wants[member] = { ...wants[member]!, start: head.start, end: head.end };
    first = at;
  }
  return wants;
}
