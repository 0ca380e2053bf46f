/**
 * The inside of one batch body that is known to be good: all records as views, or the first one at or after a time. Records
 * become JavaScript objects or are hopped over, both of which cost more than finding them, so there is no WebAssembly variant.
 */
import { attributeMask } from "../batch-layout.ts";
import type { BatchHeader, RecordPosition, RecordView } from "../interface.ts";
import { VarintCursor } from "./varint.ts";

/** Stops at the first record that doesn't lie inside the body; `validate` and `validateBody` are the judges. */
export function records(header: BatchHeader, body: Uint8Array): RecordView[] {
  const cursor = new VarintCursor(body, 0, body.length);
  const found: RecordView[] = [];
  for (let index = 0; index < header.recordCount; index++) {
    const recordEnd = enterRecord(cursor);
    const timestamp = timestampOf(header, cursor.long());
    const offset = header.baseOffset + cursor.int();
    const key = nullableBytes(cursor);
    const value = nullableBytes(cursor);
    if (cursor.bad) break;
    found.push({ offset, timestamp, key, value });
    cursor.position = recordEnd;
    cursor.end = body.length;
  }
  return found;
}

export function firstRecordAtOrAfter(header: BatchHeader, body: Uint8Array, timestamp: number): RecordPosition | undefined {
  const cursor = new VarintCursor(body, 0, body.length);
  for (let index = 0; index < header.recordCount; index++) {
    const recordEnd = enterRecord(cursor);
    const recordTimestamp = timestampOf(header, cursor.long());
    const offset = header.baseOffset + cursor.int();
    if (cursor.bad) return undefined;
    if (recordTimestamp >= timestamp) return { offset, timestamp: recordTimestamp };
    cursor.position = recordEnd;
    cursor.end = body.length;
  }
  return undefined;
}

/** Reads length and attributes, narrows the cursor to the record and answers where the record ends. */
function enterRecord(cursor: VarintCursor): number {
  const length = cursor.int();
  const recordEnd = cursor.position + length;
  if (length < 0 || recordEnd > cursor.end) cursor.bad = true;
  else cursor.end = recordEnd;
  cursor.skip(1);
  return recordEnd;
}

/** With log append time every record has the batch's max timestamp. */
function timestampOf(header: BatchHeader, delta: number): number {
  return (header.attributes & attributeMask.logAppendTime) !== 0 ? header.maxTimestamp : header.baseTimestamp + delta;
}

function nullableBytes(cursor: VarintCursor): Uint8Array | null {
  const length = cursor.int();
  const start = cursor.position;
  if (length < 0) return null;
  cursor.skip(length);
  return cursor.bad ? null : cursor.bytes.subarray(start, start + length);
}
