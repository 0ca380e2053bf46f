/**
 * Writes the records of one batch into one growing buffer, ready to be sent but for the header, which is stamped when sequence and
 * producer are known. Records are written when they are handed over, so nothing of them is kept and one copy is all that is made.
 */
import { attributeMask, batchField, prologueBytes, writeInt64 } from "../../kernel/batch-layout.ts";
import { kernel } from "../../kernel/kernel.ts";
import type { Header } from "./record.ts";

/** What a record takes at most beside its key, value and headers. */
export const recordOverheadMax = 40;
const firstBytes = 2048;
/** Left free before and behind a batch, so that its request can be written around it and nothing has to be copied to travel in one piece. */
const roomBefore = 512;
const roomBehind = 16;
const noHeaders: readonly Header[] = [];

export interface HeaderStamp {
  readonly codec: number;
  readonly isTransactional: boolean;
  /** −1 and no sequence for a producer that is not idempotent. */
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
}

const encoder = new TextEncoder();

export class BatchWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #position = roomBefore + batchField.records;
  #baseTimestamp = 0;
  #maxTimestamp = 0;
  recordCount = 0;

  /** `sizeExpected` spares growing; `used` is a buffer whose former batch nobody needs any more. */
  constructor(sizeExpected = firstBytes, used?: Uint8Array<ArrayBuffer>) {
    this.#bytes = used ?? new Uint8Array(roomBefore + Math.max(sizeExpected, firstBytes) + roomBehind);
  }

  get byteLength(): number {
    return this.#position - roomBefore;
  }

  append(timestamp: number, key: Uint8Array | null, value: Uint8Array | null, headers: readonly Header[] = noHeaders): void {
    if (this.recordCount === 0) {
      this.#baseTimestamp = timestamp;
      this.#maxTimestamp = timestamp;
    } else if (timestamp > this.#maxTimestamp) this.#maxTimestamp = timestamp;
    const keyBytes = key === null ? -1 : key.byteLength;
    const valueBytes = value === null ? -1 : value.byteLength;
    const timestampDelta = timestamp - this.#baseTimestamp;
    const encodedHeaders = headers.length === 0 ? noEncodedHeaders : encodeHeaders(headers);
    const size =
      1 +
      varlongSize(timestampDelta) +
      varintSize(this.recordCount) +
      varintSize(keyBytes) +
      Math.max(0, keyBytes) +
      varintSize(valueBytes) +
      Math.max(0, valueBytes) +
      encodedHeaders.byteLength;
    this.#reserve(size + 5 + roomBehind);
    this.#varint(size);
    this.#bytes[this.#position++] = 0;
    this.#varlong(timestampDelta);
    this.#varint(this.recordCount);
    this.#nullable(key, keyBytes);
    this.#nullable(value, valueBytes);
    this.#bytes.set(encodedHeaders, this.#position);
    this.#position += encodedHeaders.byteLength;
    this.recordCount += 1;
  }

  /** What a codec is given. */
  get body(): Uint8Array {
    return this.#bytes.subarray(roomBefore + batchField.records, this.#position);
  }

  /** The batch with everything in its header that does not change any more. `body` is the compressed one, if there is any. */
  seal(compressed: Uint8Array | undefined): Uint8Array {
    let batch: Uint8Array;
    if (compressed === undefined) batch = this.#bytes.subarray(roomBefore, this.#position);
    else {
      const byteLength = batchField.records + compressed.byteLength;
      batch = new Uint8Array(roomBefore + byteLength + roomBehind).subarray(roomBefore, roomBefore + byteLength);
      batch.set(compressed, batchField.records);
    }
    const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
    writeInt64(view, batchField.baseOffset, 0);
    view.setInt32(batchField.batchLength, batch.byteLength - prologueBytes);
    view.setInt32(batchField.leaderEpoch, -1);
    view.setInt8(batchField.magic, 2);
    view.setInt32(batchField.lastOffsetDelta, this.recordCount - 1);
    writeInt64(view, batchField.baseTimestamp, this.#baseTimestamp);
    writeInt64(view, batchField.maxTimestamp, this.#maxTimestamp);
    view.setInt32(batchField.recordCount, this.recordCount);
    return batch;
  }

  #nullable(bytes: Uint8Array | null, length: number): void {
    this.#varint(length);
    if (bytes === null) return;
    this.#bytes.set(bytes, this.#position);
    this.#position += length;
  }

  #varint(value: number): void {
    let rest = ((value << 1) ^ (value >> 31)) >>> 0;
    const bytes = this.#bytes;
    for (; rest > 127; rest >>>= 7) bytes[this.#position++] = (rest & 127) | 128;
    bytes[this.#position++] = rest;
  }

  #varlong(value: number): void {
    if (value >= -0x4000_0000 && value < 0x4000_0000) {
      this.#varint(value);
      return;
    }
    let rest = zigzagLong(value);
    for (; rest > 127n; rest >>= 7n) this.#bytes[this.#position++] = Number(rest & 127n) | 128;
    this.#bytes[this.#position++] = Number(rest);
  }

  #reserve(byteLength: number): void {
    const needed = this.#position + byteLength;
    if (needed <= this.#bytes.byteLength) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.byteLength * 2));
    grown.set(this.#bytes.subarray(0, this.#position));
    this.#bytes = grown;
  }
}

/**
 * A request that carries one sealed batch, as one piece: what comes before and behind the batch is written into the room around it. A
 * server that is sent one message for each request neither waits for a second one nor copies the batch out of it. A request of another
 * form stays as it is.
 */
export function writtenAround(batch: Uint8Array, chunks: readonly Uint8Array[]): readonly Uint8Array[] {
  const [front, middle, tail = noBytes] = chunks;
  if (chunks.length > 3 || middle !== batch || front === undefined) return chunks;
  if (front.byteLength > roomBefore || tail.byteLength > roomBehind) return chunks;
  const start = batch.byteOffset - front.byteLength;
  const whole = new Uint8Array(batch.buffer, start, front.byteLength + batch.byteLength + tail.byteLength);
  whole.set(front);
  whole.set(tail, front.byteLength + batch.byteLength);
  return [whole];
}

/** Writes the changing part of a sealed batch's header and the checksum. May be done again for another attempt. */
export function stampBatch(batch: Uint8Array, stamp: HeaderStamp): void {
  const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
  view.setInt16(batchField.attributes, stamp.codec | (stamp.isTransactional ? attributeMask.transactional : 0));
  writeInt64(view, batchField.producerId, stamp.producerId);
  view.setInt16(batchField.producerEpoch, stamp.producerEpoch);
  view.setInt32(batchField.baseSequence, stamp.baseSequence);
  view.setUint32(batchField.crc, kernel.crc32c(batch.subarray(batchField.attributes)));
}

/** An upper bound, for the question whether a record still fits. */
export function recordSizeMax(key: Uint8Array | null, value: Uint8Array | null, headers: readonly Header[]): number {
  let size = recordOverheadMax + (key === null ? 0 : key.byteLength) + (value === null ? 0 : value.byteLength);
  for (const header of headers) size += header.key.length * 3 + (header.value?.byteLength ?? 0) + 10;
  return size;
}

const noBytes = new Uint8Array(0);
/** A count of zero. */
const noEncodedHeaders = Uint8Array.of(0);

/** Headers are rare: they are gathered apart, as the numbers and bytes they become. */
function encodeHeaders(headers: readonly Header[]): Uint8Array {
  const pieces: Uint8Array[] = [varintBytes(headers.length)];
  for (const { key, value } of headers) {
    const name = encoder.encode(key);
    pieces.push(varintBytes(name.byteLength), name, varintBytes(value === null ? -1 : value.byteLength));
    if (value !== null) pieces.push(value);
  }
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.byteLength, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.byteLength;
  }
  return whole;
}

function varintBytes(value: number): Uint8Array {
  const found: number[] = [];
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  for (; rest > 127; rest >>>= 7) found.push((rest & 127) | 128);
  return Uint8Array.from([...found, rest]);
}

function varintSize(value: number): number {
  const rest = ((value << 1) ^ (value >> 31)) >>> 0;
  if (rest < 0x80) return 1;
  if (rest < 0x4000) return 2;
  if (rest < 0x20_0000) return 3;
  return rest < 0x1000_0000 ? 4 : 5;
}

function varlongSize(value: number): number {
  if (value >= -0x4000_0000 && value < 0x4000_0000) return varintSize(value);
  let size = 1;
  for (let rest = zigzagLong(value); rest > 127n; rest >>= 7n) size += 1;
  return size;
}

function zigzagLong(value: number): bigint {
  return BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n));
}
