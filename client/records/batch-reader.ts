/**
 * Reads fetched record sets: first which batches a reader may see (control batches and those of aborted transactions are passed over,
 * by the list that came with the answer), then the records of one batch, one at a time, so that memory stays that of a batch.
 */
import { attributeMask, batchField, batchSizeAt, readBatchHeader } from "../../kernel/batch-layout.ts";
import { decompress } from "../../kernel/decompress.ts";
import type { BatchHeader } from "../../kernel/interface.ts";
import { kernel } from "../../kernel/kernel.ts";
import { RecordError, asError } from "../errors.ts";
import type { Header } from "./record.ts";

/** A batch of a few bytes can claim gigabytes, and a Worker has 128 MB in all. */
const bodyBytesMax = 100 * 1024 * 1024;

export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
}

export interface FetchedBatch {
  readonly header: BatchHeader;
  readonly bytes: Uint8Array;
}

export interface FetchedBatches {
  readonly visible: readonly FetchedBatch[];
  /** Behind the last whole batch, seen or not; `undefined` when there is none. */
  readonly nextOffset: number | undefined;
}

/** `listed` are the aborted ones, given under read_committed, in order of first offset. */
export function visibleBatches(
  records: Uint8Array,
  listed: readonly AbortedTransaction[] | null,
  checkCrcs = true,
): FetchedBatches {
  const aborted = listed ?? [];
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
  const visible: FetchedBatch[] = [];
  const abortedProducers = new Set<number>();
  let nextAborted = 0;
  let nextOffset: number | undefined;
  for (let position = 0; ;) {
    const size = batchSizeAt(view, position, records.byteLength);
    // The last batch of an answer may be cut.
    if (size < 0) break;
    if (view.getInt8(position + batchField.magic) !== 2) throw new RecordError("a batch of a format older than Kafka 0.11");
    const header = readBatchHeader(view, position);
    const lastOffset = header.baseOffset + header.offsetCount - 1;
    while (nextAborted < aborted.length && aborted[nextAborted]!.firstOffset <= lastOffset)
      abortedProducers.add(aborted[nextAborted++]!.producerId);
    const bytes = records.subarray(position, position + size);
    if (checkCrcs && kernel.crc32c(bytes.subarray(batchField.attributes)) !== view.getUint32(position + batchField.crc))
      throw new RecordError(`the batch at offset ${header.baseOffset} is damaged`);
    const isControl = (header.attributes & attributeMask.control) !== 0;
    const isTransactional = (header.attributes & attributeMask.transactional) !== 0;
    if (isControl) {
      // Any marker ends the producer's transaction; only an aborted one was in the set.
      abortedProducers.delete(header.producerId);
    } else if (!(isTransactional && abortedProducers.has(header.producerId))) visible.push({ header, bytes });
    nextOffset = lastOffset + 1;
    position += size;
  }
  return { visible, nextOffset };
}

/** The decompressed records of a batch. */
export async function openBatch({ header, bytes }: FetchedBatch): Promise<Uint8Array> {
  const codec = header.attributes & attributeMask.codec;
  const body = bytes.subarray(batchField.records);
  if (codec === 0) return body;
  try {
    return await decompress(codec, body, bodyBytesMax);
  } catch (error) {
    throw new RecordError(`the batch at offset ${header.baseOffset} cannot be opened: ${asError(error).message}`, { cause: error });
  }
}

const noHeaders: readonly Header[] = Object.freeze([]);
const decoder = new TextDecoder();

/** A cursor over the records of one batch: `next` moves, the fields say what is there. Keys and values are views. */
export class RecordCursor {
  readonly #bytes: Uint8Array;
  readonly #header: BatchHeader;
  readonly #isLogAppendTime: boolean;
  #position = 0;
  #left: number;
  #headersAt = 0;
  #recordEnd = 0;
  offset = -1;
  timestamp = -1;
  key: Uint8Array | null = null;
  value: Uint8Array | null = null;

  constructor(header: BatchHeader, body: Uint8Array) {
    this.#header = header;
    this.#bytes = body;
    this.#left = header.recordCount;
    this.#isLogAppendTime = (header.attributes & attributeMask.logAppendTime) !== 0;
  }

  next(): boolean {
    if (this.#left === 0) return false;
    this.#left -= 1;
    const length = this.#varint();
    const end = this.#position + length;
    if (length < 0 || end > this.#bytes.byteLength) throw this.#damaged();
    this.#position += 1;
    const timestampDelta = this.#varlong();
    this.timestamp = this.#isLogAppendTime ? this.#header.maxTimestamp : this.#header.baseTimestamp + timestampDelta;
    this.offset = this.#header.baseOffset + this.#varint();
    this.key = this.#nullable(end);
    this.value = this.#nullable(end);
    this.#headersAt = this.#position;
    this.#recordEnd = end;
    this.#position = end;
    return true;
  }

  /** Of the current record. */
  headers(): readonly Header[] {
    if (this.#bytes[this.#headersAt] === 0) return noHeaders;
    this.#position = this.#headersAt;
    const end = this.#recordEnd;
    const count = this.#varint();
    if (count < 0 || count > end - this.#headersAt) throw this.#damaged();
    const headers = Array.from({ length: count }, () => {
      const key = this.#nullable(end);
      if (key === null) throw this.#damaged();
      return { key: decoder.decode(key), value: this.#nullable(end) };
    });
    this.#position = end;
    return headers;
  }

  #nullable(end: number): Uint8Array | null {
    const length = this.#varint();
    if (length < 0) return null;
    const start = this.#position;
    if (start + length > end) throw this.#damaged();
    this.#position = start + length;
    return this.#bytes.subarray(start, start + length);
  }

  #varint(): number {
    const bytes = this.#bytes;
    let byte = bytes[this.#position++]!;
    if (byte < 128) return (byte >>> 1) ^ -(byte & 1);
    let value = byte & 127;
    for (let shift = 7; shift <= 28; shift += 7) {
      byte = bytes[this.#position++]!;
      value |= (byte & 127) << shift;
      if (byte < 128) return (value >>> 1) ^ -(value & 1);
    }
    throw this.#damaged();
  }

  /** Four bytes are almost always enough; numbers of more are put together of two halves. */
  #varlong(): number {
    const bytes = this.#bytes;
    let low = 0;
    let byte = 0;
    for (let shift = 0; shift <= 21; shift += 7) {
      byte = bytes[this.#position++]!;
      low |= (byte & 127) << shift;
      if (byte < 128) return (low >>> 1) ^ -(low & 1);
    }
    let high = 0;
    for (let index = 0; index < 6; index++) {
      byte = bytes[this.#position++]!;
      high += (byte & 127) * 2 ** (7 * index);
      if (byte >= 128) continue;
      const upper = (high % 2 ** 36) * 2 ** 27;
      return low % 2 === 0 ? low / 2 + upper : -((low + 1) / 2 + upper);
    }
    throw this.#damaged();
  }

  /** Where the next record begins nobody knows: there is none. */
  #damaged(): RecordError {
    this.#left = 0;
    return new RecordError(`the batch at offset ${this.#header.baseOffset} is malformed`);
  }
}
