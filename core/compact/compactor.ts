/**
 * What a compaction does with each batch, in two passes: first the keys of what has not been compacted yet are mapped, as far as memory
 * reaches; then every batch below is kept, emptied, written anew with the records that stay, or left out. The rules are those of Kafka's
 * Cleaner. Whoever calls brings the bodies, because taking them apart may need waiting for.
 */
import { attributeMask, batchField, readBatchHeader, viewOf } from "../../kernel/batch-layout.ts";
import type { BatchHeader, Kernel, KeyMap } from "../../kernel/interface.ts";
import type { Compacted, Compaction, LastRecord, MergeClaim } from "../coordinator.ts";
import type { CopiedPiece } from "../merge/copy.ts";
import { extentBytesMax } from "../merge/extent-bytes.ts";
import { SegmentIndex } from "../merge/segment-index.ts";
import { CleanedTransactions, noneSeen, type ControlType } from "./cleaned-transactions.ts";
import { emptied, rebased, rewritten } from "./rewrite.ts";

/** A batch with its final offsets. Of one that is too large to be held only the header is here: nobody looks into it, and it stays whole. */
export interface LogBatch {
  readonly header: BatchHeader;
  readonly bytes: Uint8Array;
}

/** A batch that stays, in full or in part. */
export type Stays =
  | { readonly kind: "as-it-is" }
  | { readonly kind: "empty" }
  /** `body` wants its codec again, and is good until the next look into a batch. */
  | {
      readonly kind: "in-part";
      readonly body: Uint8Array;
      readonly recordCount: number;
      readonly baseTimestamp: number;
      readonly maxTimestamp: number;
      readonly attributes: number;
    };
export type Fate = Stays | { readonly kind: "goes" };

const asItIs: Fate = { kind: "as-it-is" };
const goes: Fate = { kind: "goes" };
const empty: Fate = { kind: "empty" };

export class Compactor {
  readonly #compaction: Compaction;
  readonly #map: KeyMap;
  readonly #crc32c: Kernel["crc32c"];
  readonly #lastRecords = new Map<number, LastRecord>();
  readonly #dirtyTransactions: CleanedTransactions;
  readonly #transactions: CleanedTransactions;
  #mapEnd: number;
  #isMapped = false;
  // What was written.
  readonly #extents: { baseOffset: number; byteLength: number; maxTimestamp: number }[] = [];
  readonly #index: SegmentIndex;
  #nextOffset: number;

  /** `mappedTo`: the map has all keys of records below it already. */
  constructor({ inputs, compaction }: MergeClaim, map: KeyMap, crc32c: Kernel["crc32c"], mappedTo?: number) {
    if (compaction === undefined) throw new Error("the claim is none of a compaction");
    const { aborted, dirty, startOffset, seen, lastRecords } = compaction;
    this.#compaction = compaction;
    this.#map = map;
    this.#crc32c = crc32c;
    this.#mapEnd = mappedTo ?? startOffset;
    this.#isMapped = mappedTo !== undefined;
    const start = inputs[0]!.baseOffset;
    this.#nextOffset = start;
    this.#index = new SegmentIndex(start);
    this.#transactions = new CleanedTransactions(start, aborted, seen);
    this.#dirtyTransactions = new CleanedTransactions(dirty[0]?.baseOffset ?? startOffset, aborted, noneSeen);
    for (const last of lastRecords) this.#lastRecords.set(last.producerId, last);
  }

  /** Keys were taken from records below. */
  get mapEnd(): number {
    return this.#mapEnd;
  }

  // First pass.

  /** The next batch of what is dirty: whether its body is wanted for `mapBody`. False and `isMapped`: no more batches are. */
  mapBatch({ header, bytes }: LogBatch): boolean {
    if (this.#isMapped) return false;
    if (header.baseOffset >= this.#compaction.endOffset) {
      this.mappedAll();
      return false;
    }
    const isControl = (header.attributes & attributeMask.control) !== 0;
    if (isControl) this.#dirtyTransactions.markerIsNeedless(header, controlTypeOf(header, bytes));
    const says = !isControl && !this.#dirtyTransactions.batchIsAborted(header) && header.recordCount > 0;
    if (!says) this.#mappedTo(header.baseOffset + header.offsetCount);
    return says;
  }

  /** Undefined: it could not be read. */
  mapBody(header: BatchHeader, body: Uint8Array | undefined): void {
    const put = body && this.#map.put(body, header.recordCount, header.baseOffset);
    if (put?.isFull === true) {
      this.#mapEnd = Math.max(this.#mapEnd, put.end);
      this.#isMapped = true;
    } else this.#mappedTo(header.baseOffset + header.offsetCount);
  }

  get isMapped(): boolean {
    return this.#isMapped;
  }

  /** All that is dirty has gone by. */
  mappedAll(): void {
    const end = this.#compaction.dirty.at(-1)?.nextOffset;
    if (!this.#isMapped && end !== undefined) this.#mappedTo(end);
    this.#isMapped = true;
  }

  #mappedTo(offset: number): void {
    const { startOffset, endOffset } = this.#compaction;
    this.#mapEnd = Math.max(startOffset, Math.min(offset, endOffset));
  }

  // Second pass.

  /** The next batch of the inputs: what becomes of it, or that its body is wanted for `judgeBody`. */
  judge({ header, bytes }: LogBatch): Fate | "body" {
    if (header.baseOffset >= this.#mapEnd) return asItIs;
    const isControl = (header.attributes & attributeMask.control) !== 0;
    return isControl ? this.#judgeMarker(header, bytes) : this.#judgeBatch(header);
  }

  #judgeMarker(header: BatchHeader, bytes: Uint8Array): Fate {
    const isNeedless = this.#transactions.markerIsNeedless(header, controlTypeOf(header, bytes));
    const horizonMs = horizonOf(header);
    // A marker goes like a tombstone: a while after it was first found that nobody needs it.
    const mayGo = isNeedless && horizonMs !== undefined && horizonMs <= this.#compaction.nowMs;
    if (mayGo || header.recordCount === 0) return this.#withoutRecords(header);
    if (!isNeedless || horizonMs !== undefined) return asItIs;
    const body = bytes.subarray(batchField.records);
    return this.#withHorizon(header, body, 1, header.maxTimestamp);
  }

  #judgeBatch(header: BatchHeader): Fate | "body" {
    if (this.#transactions.batchIsAborted(header) || header.recordCount === 0) return this.#withoutRecords(header);
    return "body";
  }

  /** Undefined: it could not be read. */
  judgeBody(header: BatchHeader, body: Uint8Array | undefined): Fate {
    const horizonMs = horizonOf(header);
    const keepTombstones = horizonMs === undefined || this.#compaction.nowMs < horizonMs;
    const kept = body && this.#map.filter(body, header.recordCount, header.baseOffset, this.#mapEnd, keepTombstones);
    if (kept === undefined) return asItIs;
    if (kept.recordCount === 0) return this.#withoutRecords(header);
    const isStamped = (header.attributes & attributeMask.logAppendTime) !== 0;
    const maxTimestamp = isStamped ? header.maxTimestamp : header.baseTimestamp + kept.timestampDeltaMax;
    if (kept.tombstones > 0 && horizonMs === undefined) return this.#withHorizon(header, kept.body, kept.recordCount, maxTimestamp);
    if (kept.recordCount === header.recordCount) return asItIs;
    const { baseTimestamp, attributes } = header;
    return { kind: "in-part", body: kept.body, recordCount: kept.recordCount, baseTimestamp, maxTimestamp, attributes };
  }

  /** The first time that a tombstone, or a marker that is needed no more, is met: from then on its days are counted. */
  #withHorizon(header: BatchHeader, body: Uint8Array, recordCount: number, maxTimestamp: number): Fate {
    const baseTimestamp = this.#compaction.nowMs + this.#compaction.deleteRetentionMs;
    const attributes = header.attributes | attributeMask.deleteHorizon;
    const records = rebased(body, recordCount, baseTimestamp - header.baseTimestamp);
    return { kind: "in-part", body: records, recordCount, baseTimestamp, maxTimestamp, attributes };
  }

  /** The last batch of a producer stays without its records: what is next of it must be told from its sequence or epoch. */
  #withoutRecords({ attributes, producerId, producerEpoch, baseOffset, offsetCount }: BatchHeader): Fate {
    const last = producerId < 0 ? undefined : this.#lastRecords.get(producerId);
    if (last === undefined) return goes;
    const isControl = (attributes & attributeMask.control) !== 0;
    const isLast =
      last.offset >= 0 ? last.offset === baseOffset + offsetCount - 1 : isControl && last.producerEpoch === producerEpoch;
    return isLast ? empty : goes;
  }

  /** The bytes of what stays; `body` is that of a batch that stays in part, with its codec. Notes them as written. */
  write({ header, bytes }: LogBatch, stays: Stays, body: Uint8Array | undefined): Uint8Array {
    const made =
      stays.kind === "as-it-is"
        ? bytes
        : stays.kind === "empty"
          ? emptied(bytes, header.attributes, header.maxTimestamp, this.#crc32c)
          : rewritten(bytes, { ...stays, body: body! }, this.#crc32c);
    const hasRecords = stays.kind !== "empty" && header.recordCount > 0;
    const size = stays.kind === "as-it-is" ? header.size : made.length;
    this.#written(header, size, stays.kind === "in-part" ? stays.maxTimestamp : header.maxTimestamp, hasRecords);
    return made;
  }

  #written({ baseOffset, offsetCount }: BatchHeader, size: number, maxTimestamp: number, hasRecords: boolean): void {
    const lastOffset = baseOffset + offsetCount - 1;
    let extent = this.#extents.at(-1);
    // What was compacted and what was not are told apart by extents.
    const isBorder = baseOffset >= this.#mapEnd && this.#nextOffset <= this.#mapEnd;
    if (isBorder && this.#nextOffset < this.#mapEnd) {
      this.#extents.push({ baseOffset: this.#nextOffset, byteLength: 0, maxTimestamp: -1 });
      this.#nextOffset = this.#mapEnd;
    }
    if (extent === undefined || isBorder || extent.byteLength + size > extentBytesMax) {
      // What was left out in front of it belongs to it: so no extent ends with offsets that are not there.
      extent = { baseOffset: this.#nextOffset, byteLength: 0, maxTimestamp: -1 };
      this.#extents.push(extent);
    }
    extent.byteLength += size;
    // Times are looked for among records.
    if (hasRecords) extent.maxTimestamp = Math.max(extent.maxTimestamp, maxTimestamp);
    this.#index.add(size, lastOffset, maxTimestamp);
    this.#nextOffset = lastOffset + 1;
  }

  /** What the indexes take so far. */
  get indexBytes(): number {
    return this.#index.heldBytes;
  }

  indexes(): ReturnType<SegmentIndex["finish"]> {
    return this.#index.finish();
  }

  /** After the input that ends there. */
  finish(endOffset: number): Compacted {
    if (this.#nextOffset < endOffset) this.#extents.push({ baseOffset: this.#nextOffset, byteLength: 0, maxTimestamp: -1 });
    const { forgotten, seen } = this.#transactions;
    return { mapEnd: this.#mapEnd, endOffset, extents: this.#extents, forgotten, seen };
  }
}

/** When the tombstones of a batch, or the marker that it is, may go; undefined: that is not counted yet. Kafka's delete horizon. */
function horizonOf({ attributes, baseTimestamp }: BatchHeader): number | undefined {
  return (attributes & attributeMask.deleteHorizon) === 0 ? undefined : baseTimestamp;
}

/** Of the record's key: version and type, behind its length, attributes, two deltas and the key's length. */
function controlTypeOf({ recordCount }: BatchHeader, bytes: Uint8Array): ControlType {
  if (recordCount === 0) return "empty";
  const view = viewOf(bytes);
  let at = batchField.records;
  const skipVarint = (): void => {
    while (at < bytes.length && bytes[at]! >= 128) at += 1;
    at += 1;
  };
  skipVarint();
  at += 1;
  for (let field = 0; field < 3; field++) skipVarint();
  if (at + 4 > bytes.length) return "other";
  const type = view.getInt16(at + 2);
  return type === 0 ? "abort" : type === 1 ? "commit" : "other";
}

/** Whole batches with final offsets. */
export function* logBatches(bytes: Uint8Array, kernel: Pick<Kernel, "batches">): Generator<LogBatch> {
  for (const header of kernel.batches(bytes)) {
    yield { header, bytes: bytes.subarray(header.position, header.position + header.size) };
  }
}

/** What a copy of the inputs puts out; bare bytes are further ones of a batch of which the header has come. */
export function batchesOf({ of, bytes }: CopiedPiece, kernel: Pick<Kernel, "batches">): Iterable<LogBatch | Uint8Array> {
  if (of === "part") return [bytes];
  return of === "batches" ? logBatches(bytes, kernel) : [{ header: readBatchHeader(viewOf(bytes), 0), bytes }];
}
