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

/** What a copy puts out: whole batches, or of one that is too large to be held the header, and then its parts. */
export interface CopiedPiece {
  readonly of: "batches" | "header" | "part";
  readonly bytes: Uint8Array;
}

interface CutBatch {
  /** Bytes that have not come. */
  left: number;
  /** Of what has come. */
  crc: number;
  readonly expected: number;
}

interface GatheredBatch {
  readonly bytes: Uint8Array;
  filled: number;
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
  /** The beginning of a header whose end has not come. */
  #rest: Uint8Array = nothing;
  /** A batch of which a part has come, and waits for the others. */
  #gathered: GatheredBatch | undefined;
  /** A batch of which a part has gone through. */
  #cut: CutBatch | undefined;
  readonly #wholeBytesMax: number;

  /** `wholeBytesMax`: a batch that lies across the bytes of two calls is put together when it is no larger. */
  constructor(claim: MergeClaim, crc32c: Kernel["crc32c"], wholeBytesMax = 0) {
    this.#claim = claim;
    this.#crc32c = crc32c;
    this.#wholeBytesMax = wholeBytesMax;
    this.#offset = claim.inputs[0]?.baseOffset ?? 0;
    this.#index = claim.kind === "segment" ? new SegmentIndex(this.#offset) : undefined;
  }

  /** Of a batch that waits for its other parts. */
  get heldBytes(): number {
    return this.#gathered?.bytes.length ?? 0;
  }

  /**
   * The next bytes of the inputs, none of which reach beyond one input; they are changed. Larger batches than are put together are cut where
   * the bytes are: whoever takes what comes out writes it even before the whole batch is known to be good, and leaves it all when it is not.
   * So no batch is too large for the memory.
   */
  push(bytes: Uint8Array): readonly CopiedPiece[] | InputDamage {
    const input = this.#claim.inputs[this.#input];
    if (input === undefined) throw new Error("more bytes than the claim has");
    const pieces: CopiedPiece[] = [];
    let at = 0;
    /** What follows is whole batches, and goes out as one piece. */
    let wholeFrom = -1;
    const endWhole = (): void => {
      if (wholeFrom >= 0 && at > wholeFrom) pieces.push({ of: "batches", bytes: bytes.subarray(wholeFrom, at) });
      wholeFrom = -1;
    };
    const view = viewOf(bytes);
    let fault: string | undefined;
    while (at < bytes.length && fault === undefined) {
      const isInside = this.#cut !== undefined || this.#gathered !== undefined || this.#rest.length > 0;
      const size = isInside ? -1 : batchSizeAt(view, at, bytes.length);
      if (size >= 0) {
        fault = this.#faultOf(bytes, view, at, size, input);
        if (fault !== undefined) break;
        this.#note(view, at, size, input);
        if (wholeFrom < 0) wholeFrom = at;
        at += size;
        this.#bytes += size;
        continue;
      }
      endWhole();
      const next = bytes.subarray(at);
      const taken = this.#cut === undefined ? this.#takePart(next, input, pieces) : this.#takeOfCut(this.#cut, next, pieces);
      if (typeof taken === "string") fault = taken;
      else at += taken;
    }
    if (fault !== undefined) return { key: input.key, message: `${fault}, ${this.#bytes} bytes into the extent` };
    endWhole();
    if (this.#bytes + this.#rest.length + (this.#gathered?.filled ?? 0) === input.byteLength) {
      fault = this.#endFault(input);
      if (fault !== undefined) return { key: input.key, message: fault };
      this.#endInput(input);
    }
    return pieces;
  }

  /** Of a batch that the bytes don't hold as a whole. Answers how many it took, or what is wrong with them. */
  #takePart(bytes: Uint8Array, input: MergeInput, pieces: CopiedPiece[]): number | string {
    if (this.#gathered !== undefined) return this.#gather(this.#gathered, bytes, input, pieces);
    const taken = Math.min(bytes.length, batchField.records - this.#rest.length);
    const header = concat(this.#rest, bytes.subarray(0, taken));
    this.#rest = header;
    if (header.length < batchField.records) return taken;
    this.#rest = nothing;
    const view = viewOf(header);
    const size = prologueBytes + view.getInt32(batchField.batchLength);
    if (size < header.length || this.#bytes + size > input.byteLength) return "no whole batch";
    if (size <= this.#wholeBytesMax) {
      this.#gathered = { bytes: new Uint8Array(size), filled: header.length };
      this.#gathered.bytes.set(header);
      const more = this.#gather(this.#gathered, bytes.subarray(taken), input, pieces);
      return typeof more === "string" ? more : taken + more;
    }
    const fault = headerFault(view, 0) ?? this.#offsetFault(view, 0, input);
    if (fault !== undefined) return fault;
    this.#note(view, 0, size, input);
    const crc = this.#crc32c(header.subarray(batchField.attributes)) >>> 0;
    this.#bytes += header.length;
    pieces.push({ of: "header", bytes: header });
    const cut = { left: size - header.length, crc, expected: view.getUint32(batchField.crc) };
    return this.#endOfCut(cut) ?? taken;
  }

  #gather(batch: GatheredBatch, next: Uint8Array, input: MergeInput, pieces: CopiedPiece[]): number | string {
    const { bytes } = batch;
    const part = next.subarray(0, bytes.length - batch.filled);
    bytes.set(part, batch.filled);
    batch.filled += part.length;
    if (batch.filled < bytes.length) return part.length;
    this.#gathered = undefined;
    const view = viewOf(bytes);
    const fault = this.#faultOf(bytes, view, 0, bytes.length, input);
    if (fault !== undefined) return fault;
    this.#note(view, 0, bytes.length, input);
    this.#bytes += bytes.length;
    pieces.push({ of: "batches", bytes });
    return part.length;
  }

  #takeOfCut(cut: CutBatch, bytes: Uint8Array, pieces: CopiedPiece[]): number | string {
    const part = bytes.subarray(0, cut.left);
    cut.crc = combineCrc(cut.crc, this.#crc32c(part) >>> 0, part.length);
    cut.left -= part.length;
    this.#bytes += part.length;
    pieces.push({ of: "part", bytes: part });
    return this.#endOfCut(cut) ?? part.length;
  }

  #endOfCut(cut: CutBatch): string | undefined {
    this.#cut = cut.left > 0 ? cut : undefined;
    return cut.left > 0 || cut.crc === cut.expected ? undefined : "a batch with a wrong CRC";
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
    if (this.#rest.length > 0 || this.#gathered !== undefined || this.#cut !== undefined)
      return `no whole batch at ${this.#bytes} of ${byteLength} bytes`;
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
