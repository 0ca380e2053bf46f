/**
 * What a merger does to the bytes on their way (D11): every batch is checked before it is copied, so damage is never spread, and gets its
 * final offsets (D8) where it lies. In the end comes the footer that tells what went through (D9).
 */
import { batchField, batchSizeAt, prologueBytes, readInt64, viewOf, writeInt64 } from "../../kernel/batch-layout.ts";
import type { Kernel } from "../../kernel/interface.ts";
import type { MergeClaim, MergeInput } from "../coordinator.ts";
import { headerBytes, mergedExtentBytes, topicBytes, trailerBytes, type MergedExtent } from "../wal/format.ts";
import { encodeMergedFooter } from "../wal/merged.ts";
import { combineCrc } from "./combine-crc.ts";
import { SegmentIndex } from "./segment-index.ts";

export interface InputDamage {
  readonly key: string;
  readonly message: string;
}

const magic = 2;
const nothing = new Uint8Array(0);
/** The merge of a claim writes one object. */
const part = 1;

/** Of the object that a claim's holder writes, footer included. */
export function mergedLength({ kind, inputs }: MergeClaim): number {
  let topics = 0;
  let partitions = 0;
  let bytes = 0;
  for (const [index, { topicId, partition, byteLength }] of inputs.entries()) {
    const last = inputs[index - 1];
    if (last?.topicId !== topicId) topics += 1;
    if (last?.topicId !== topicId || last.partition !== partition) partitions += 1;
    bytes += byteLength;
  }
  return kind === "segment" ? bytes : bytes + headerBytes + topics * topicBytes + partitions * mergedExtentBytes + trailerBytes;
}

interface CutBatch {
  /** Bytes that have not come. */
  left: number;
  /** Of what has come. */
  crc: number;
  readonly expected: number;
}

function headerFault(view: DataView, position: number): string | undefined {
  if (view.getInt8(position + batchField.magic) !== magic) return "a batch whose magic is not 2";
  return view.getInt32(position + batchField.lastOffsetDelta) < 0 ? "a batch with a negative offset delta" : undefined;
}

export class MergeCopy {
  readonly #claim: MergeClaim;
  readonly #crc32c: Kernel["crc32c"];
  readonly #extents: MergedExtent[] = [];
  #input = 0;
  /** Of the current input: bytes and offsets that went through. */
  #bytes = 0;
  #offset: number;
  #batches = 0;
  #position = 0;
  readonly #index: SegmentIndex | undefined;
  /** The beginning of a batch whose end has not come; where batches are cut, of its header. */
  #rest: Uint8Array = nothing;
  /** A batch of which a part has gone through. */
  #cut: CutBatch | undefined;

  constructor(claim: MergeClaim, crc32c: Kernel["crc32c"]) {
    this.#claim = claim;
    this.#crc32c = crc32c;
    this.#offset = claim.inputs[0]?.baseOffset ?? 0;
    this.#index = claim.kind === "segment" ? new SegmentIndex(this.#offset) : undefined;
  }

  /** The next bytes of the inputs, none of which reach beyond one input; they are changed. Answers what to write, whole batches. */
  push(bytes: Uint8Array): Uint8Array | InputDamage {
    const input = this.#claim.inputs[this.#input];
    if (input === undefined) throw new Error("more bytes than the claim has");
    const joined = this.#rest.length === 0 ? bytes : concat(this.#rest, bytes);
    const view = viewOf(joined);
    let position = 0;
    while (position < joined.length) {
      const size = batchSizeAt(view, position, joined.length);
      if (size < 0) break;
      const fault = this.#faultOf(joined, view, position, size, input);
      if (fault !== undefined) return { key: input.key, message: `${fault}, ${this.#bytes + position} bytes into the extent` };
      this.#note(view, position, size, input);
      position += size;
    }
    this.#bytes += position;
    // A copy: the window that it is part of can go.
    this.#rest = position === joined.length ? nothing : joined.slice(position);
    if (this.#bytes + this.#rest.length === input.byteLength) {
      const fault = this.#endFault(input);
      if (fault !== undefined) return { key: input.key, message: fault };
      this.#endInput(input);
    }
    return joined.subarray(0, position);
  }

  /**
   * The same, for whoever writes what comes out even before the whole batch is known to be good, and leaves it all when it is not: a
   * batch is cut where the bytes are, and nothing is copied but headers. So no batch is too large for the memory.
   */
  pushCut(bytes: Uint8Array): readonly Uint8Array[] | InputDamage {
    const input = this.#claim.inputs[this.#input];
    if (input === undefined) throw new Error("more bytes than the claim has");
    const pieces: Uint8Array[] = [];
    let at = 0;
    const damaged = (fault: string): InputDamage => ({ key: input.key, message: `${fault}, ${this.#bytes} bytes into the extent` });
    /** What follows is whole batches, and goes out as one piece. */
    let wholeFrom = -1;
    const endWhole = (): void => {
      if (wholeFrom >= 0 && at > wholeFrom) pieces.push(bytes.subarray(wholeFrom, at));
      wholeFrom = -1;
    };
    const view = viewOf(bytes);
    while (at < bytes.length) {
      if (this.#cut !== undefined) {
        const part = bytes.subarray(at, at + this.#cut.left);
        this.#addToCut(this.#cut, part);
        pieces.push(part);
        at += part.length;
        if (this.#cut.left > 0) break;
        if (this.#cut.crc !== this.#cut.expected) return damaged("a batch with a wrong CRC");
        this.#cut = undefined;
        continue;
      }
      const size = this.#rest.length === 0 ? batchSizeAt(view, at, bytes.length) : -1;
      if (size >= 0) {
        const fault = this.#faultOf(bytes, view, at, size, input);
        if (fault !== undefined) return damaged(fault);
        this.#note(view, at, size, input);
        if (wholeFrom < 0) wholeFrom = at;
        at += size;
        this.#bytes += size;
        continue;
      }
      endWhole();
      const header = concat(this.#rest, bytes.subarray(at, at + batchField.records - this.#rest.length));
      at += header.length - this.#rest.length;
      this.#rest = header;
      if (header.length < batchField.records) break;
      this.#rest = nothing;
      const headerView = viewOf(header);
      const whole = prologueBytes + headerView.getInt32(batchField.batchLength);
      if (whole < header.length || this.#bytes + whole > input.byteLength) return damaged("no whole batch");
      const fault = headerFault(headerView, 0) ?? this.#offsetFault(headerView, 0, input);
      if (fault !== undefined) return damaged(fault);
      this.#note(headerView, 0, whole, input);
      const crc = this.#crc32c(header.subarray(batchField.attributes)) >>> 0;
      this.#cut = { left: whole - header.length, crc, expected: headerView.getUint32(batchField.crc) };
      this.#bytes += header.length;
      pieces.push(header);
      if (this.#cut.left > 0) continue;
      if (crc !== this.#cut.expected) return damaged("a batch with a wrong CRC");
      this.#cut = undefined;
    }
    endWhole();
    if (this.#bytes + this.#rest.length === input.byteLength) {
      const fault = this.#endFault(input);
      if (fault !== undefined) return { key: input.key, message: fault };
      this.#endInput(input);
    }
    return pieces;
  }

  #addToCut(cut: CutBatch, part: Uint8Array): void {
    cut.crc = combineCrc(cut.crc, this.#crc32c(part) >>> 0, part.length);
    cut.left -= part.length;
    this.#bytes += part.length;
  }

  /** A good batch gets its final offsets. */
  #note(view: DataView, position: number, size: number, { compacted, leaderEpoch }: MergeInput): void {
    if (compacted === true) this.#offset = readInt64(view, position + batchField.baseOffset);
    else {
      writeInt64(view, position + batchField.baseOffset, this.#offset);
      view.setInt32(position + batchField.leaderEpoch, leaderEpoch);
    }
    this.#offset += view.getInt32(position + batchField.lastOffsetDelta) + 1;
    this.#index?.add(size, this.#offset - 1, readInt64(view, position + batchField.maxTimestamp));
    this.#batches += 1;
  }

  #faultOf(bytes: Uint8Array, view: DataView, position: number, size: number, input: MergeInput): string | undefined {
    const fault = headerFault(view, position) ?? this.#offsetFault(view, position, input);
    if (fault !== undefined) return fault;
    const crc = this.#crc32c(bytes.subarray(position + batchField.attributes, position + size)) >>> 0;
    return crc === view.getUint32(position + batchField.crc) ? undefined : "a batch with a wrong CRC";
  }

  #offsetFault(view: DataView, position: number, { compacted, nextOffset }: MergeInput): string | undefined {
    if (compacted !== true) return undefined;
    const baseOffset = readInt64(view, position + batchField.baseOffset);
    const end = baseOffset + view.getInt32(position + batchField.lastOffsetDelta) + 1;
    return baseOffset < this.#offset || end > nextOffset ? `a batch of the offsets ${baseOffset} to ${end}` : undefined;
  }

  #endFault({ baseOffset, nextOffset, byteLength, compacted }: MergeInput): string | undefined {
    if (this.#rest.length > 0 || this.#cut !== undefined) return `no whole batch at ${this.#bytes} of ${byteLength} bytes`;
    if (compacted === true) return undefined;
    const offsets = nextOffset - baseOffset;
    return this.#offset === nextOffset ? undefined : `${this.#offset - baseOffset} offsets instead of ${offsets}`;
  }

  #endInput({ topicId, partition, baseOffset, nextOffset, byteLength, maxTimestamp }: MergeInput): void {
    const last = this.#extents.at(-1);
    if (last?.topicId === topicId && last.partition === partition) {
      this.#extents[this.#extents.length - 1] = {
        ...last,
        byteLength: last.byteLength + byteLength,
        batchCount: last.batchCount + this.#batches,
        maxTimestamp: Math.max(last.maxTimestamp, maxTimestamp),
        nextOffset,
      };
    } else {
      const { cell } = this.#claim;
      const counted = { byteStart: this.#position, byteLength, batchCount: this.#batches };
      this.#extents.push({ cell, topicId, partition, ...counted, maxTimestamp, baseOffset, nextOffset });
    }
    this.#position += byteLength;
    this.#input += 1;
    this.#bytes = 0;
    this.#batches = 0;
    this.#offset = this.#claim.inputs[this.#input]?.baseOffset ?? 0;
  }

  /** What the indexes of a segment take so far. */
  get indexBytes(): number {
    return this.#index?.heldBytes ?? 0;
  }

  /** After all inputs of a segment. */
  indexes(): ReturnType<SegmentIndex["finish"]> {
    if (this.#index === undefined) throw new Error("only segments have indexes");
    return this.#index.finish();
  }

  /** After all inputs of a merged object. */
  footer(): Uint8Array {
    const { inputs, cell, number } = this.#claim;
    if (this.#input !== inputs.length) throw new Error(`${this.#input} of ${inputs.length} inputs have come`);
    return encodeMergedFooter({ cell, cursor: number, part }, this.#extents, this.#crc32c);
  }
}

function concat(left: Uint8Array, right: Uint8Array): Uint8Array {
  const joined = new Uint8Array(left.length + right.length);
  joined.set(left);
  joined.set(right, left.length);
  return joined;
}
