/**
 * Batches as compaction leaves them: with fewer records, or none, and the time from which on tombstones and markers may go. Base offset,
 * last offset, producer and sequence stay what they were, so that a producer's next batch is in sequence and no offset changes.
 */
import { attributeMask, batchField, prologueBytes, viewOf, writeInt64 } from "../../kernel/batch-layout.ts";
import type { Kernel } from "../../kernel/interface.ts";
import { VarintCursor } from "../../kernel/twins/varint.ts";

export interface KeptBatch {
  /** What is left of it as its codec puts it out. */
  readonly body: Uint8Array;
  readonly recordCount: number;
  /** With which the records' own times are written. */
  readonly baseTimestamp: number;
  readonly maxTimestamp: number;
  readonly attributes: number;
}

/** `batch`: as it was. */
export function rewritten(batch: Uint8Array, kept: KeptBatch, crc32c: Kernel["crc32c"]): Uint8Array {
  const bytes = new Uint8Array(batchField.records + kept.body.length);
  bytes.set(batch.subarray(0, batchField.records));
  bytes.set(kept.body, batchField.records);
  const view = viewOf(bytes);
  view.setInt32(batchField.batchLength, bytes.length - prologueBytes);
  view.setInt16(batchField.attributes, kept.attributes);
  writeInt64(view, batchField.baseTimestamp, kept.baseTimestamp);
  writeInt64(view, batchField.maxTimestamp, kept.maxTimestamp);
  view.setInt32(batchField.recordCount, kept.recordCount);
  view.setUint32(batchField.crc, crc32c(bytes.subarray(batchField.attributes)) >>> 0);
  return bytes;
}

const noBody = new Uint8Array(0);

/** Without records, kept for what it says of its producer: as Kafka's writeEmptyHeader. */
export function emptied(batch: Uint8Array, attributes: number, maxTimestamp: number, crc32c: Kernel["crc32c"]): Uint8Array {
  const kept = attributes & (attributeMask.logAppendTime | attributeMask.transactional | attributeMask.control);
  return rewritten(batch, { body: noBody, recordCount: 0, baseTimestamp: -1, maxTimestamp, attributes: kept }, crc32c);
}

/** The records with times that count from a base that lies `by` later. They are known to be good. */
export function rebased(body: Uint8Array, recordCount: number, by: number): Uint8Array {
  // A time takes nine bytes more at most, a length one.
  const out = new Uint8Array(body.length + recordCount * 12);
  const cursor = new VarintCursor(body, 0, body.length);
  let at = 0;
  for (let index = 0; index < recordCount; index++) {
    const length = cursor.int();
    const end = cursor.position + length;
    const attributesAt = cursor.position;
    cursor.skip(1);
    const delta = cursor.long() - by;
    const rest = body.subarray(cursor.position, end);
    at = writeVarint(out, at, 1 + varintSize(delta) + rest.length);
    out[at++] = body[attributesAt]!;
    at = writeVarint(out, at, delta);
    out.set(rest, at);
    at += rest.length;
    cursor.position = end;
  }
  return out.subarray(0, at);
}

/** Exact to 2^52. */
function zigzag(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1;
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = zigzag(value); rest >= 128; rest = Math.floor(rest / 128)) size += 1;
  return size;
}

function writeVarint(out: Uint8Array, start: number, value: number): number {
  let at = start;
  let rest = zigzag(value);
  for (; rest >= 128; rest = Math.floor(rest / 128)) out[at++] = (rest % 128) | 128;
  out[at++] = rest;
  return at;
}
