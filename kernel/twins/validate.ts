/**
 * What a broker must find true of a record set before it takes it: the plain twin. The order of the checks is part of the
 * contract, since the first thing that is wrong decides which Kafka error the producer sees; a damaged batch is called damaged
 * (crc) before anything inside it is judged.
 */
import { attributeMask, batchField, prologueBytes, readCoordinates, viewOf } from "../batch-layout.ts";
import { frameFault, headerFault } from "../header-rules.ts";
import type { InvalidReason, ValidateBodyResult, ValidateOptions, ValidateResult, WalkedBatch } from "../interface.ts";
import { crc32c } from "./crc32c.ts";
import { VarintCursor } from "./varint.ts";

type Failure = { readonly reason: InvalidReason; readonly recordIndex: number; readonly position: number };

/** `timestampDeltaMax` is undefined where nobody looked. */
type Verdict = { readonly failure: Failure } | { readonly failure: undefined; readonly timestampDeltaMax: number | undefined };

export function validate(records: Uint8Array, options: ValidateOptions): ValidateResult {
  const view = viewOf(records);
  const batches: WalkedBatch[] = [];
  let position = 0;
  do {
    const verdict = checkBatch(records, view, position, options);
    if (verdict.failure !== undefined) return { ok: false, batchIndex: batches.length, ...verdict.failure };
    const batch = readCoordinates(view, position);
    const { timestampDeltaMax } = verdict;
    const recordsMaxTimestamp = timestampDeltaMax === undefined ? batch.maxTimestamp : batch.baseTimestamp + timestampDeltaMax;
    batches.push({ ...batch, recordsMaxTimestamp });
    position += batch.size;
  } while (position < records.length);
  return { ok: true, batches };
}

function checkBatch(records: Uint8Array, view: DataView, position: number, options: ValidateOptions): Verdict {
  const frame = frameFault(view, position, options.batchSizeMax);
  if (frame !== undefined) return { failure: { reason: frame, recordIndex: -1, position } };
  const end = position + prologueBytes + view.getInt32(position + batchField.batchLength);
  const damaged = crc32c(records.subarray(position + batchField.attributes, end)) !== view.getUint32(position + batchField.crc);
  const reason = damaged ? "crc" : headerFault(view, position);
  if (reason !== undefined) return { failure: { reason, recordIndex: -1, position } };
  if ((view.getInt16(position + batchField.attributes) & attributeMask.codec) !== 0) {
    return { failure: undefined, timestampDeltaMax: undefined };
  }
  const count = view.getInt32(position + batchField.recordCount);
  return checkRecords(records, position + batchField.records, end, count, options.keysRequired);
}

/** The inside of a batch whose body was compressed. */
export function validateBody(body: Uint8Array, recordCount: number, keysRequired: boolean): ValidateBodyResult {
  const verdict = checkRecords(body, 0, body.length, recordCount, keysRequired);
  if (verdict.failure !== undefined) return { ok: false, ...verdict.failure };
  return { ok: true, timestampDeltaMax: recordCount === 0 ? 0 : verdict.timestampDeltaMax! };
}

function checkRecords(bytes: Uint8Array, start: number, end: number, count: number, keysRequired: boolean): Verdict {
  const cursor = new VarintCursor(bytes, start, end);
  let timestampDeltaMax = -Infinity;
  for (let index = 0; index < count; index++) {
    const position = cursor.position;
    if (position === end) return { failure: { reason: "count", recordIndex: index, position } };
    cursor.end = end;
    const checked = checkRecord(cursor, end, index, keysRequired);
    if (typeof checked === "string") return { failure: { reason: checked, recordIndex: index, position } };
    timestampDeltaMax = Math.max(timestampDeltaMax, checked);
  }
  if (count >= 0 && cursor.position === end) return { failure: undefined, timestampDeltaMax };
  return { failure: { reason: "count", recordIndex: Math.max(count, 0), position: cursor.position } };
}

/** The record's timestamp delta, or what is wrong with it. */
function checkRecord(cursor: VarintCursor, end: number, index: number, keysRequired: boolean): InvalidReason | number {
  const length = cursor.int();
  if (cursor.bad || length < 0 || length > end - cursor.position) return "length";
  cursor.end = cursor.position + length;
  cursor.skip(1);
  const timestampDelta = cursor.long();
  const offsetDelta = cursor.int();
  if (cursor.bad) return "length";
  if (offsetDelta !== index) return "offset-delta";
  const keyLength = cursor.int();
  skipNullable(cursor, keyLength);
  skipNullable(cursor, cursor.int());
  skipHeaders(cursor);
  if (cursor.bad || cursor.position !== cursor.end) return "length";
  return keysRequired && keyLength < 0 ? "key-missing" : timestampDelta;
}

function skipHeaders(cursor: VarintCursor): void {
  const headers = cursor.int();
  if (headers < 0) cursor.bad = true;
  for (let header = 0; header < headers && !cursor.bad; header++) {
    cursor.skip(cursor.int());
    skipNullable(cursor, cursor.int());
  }
}

/** -1 is null; any other negative length is a lie. */
function skipNullable(cursor: VarintCursor, length: number): void {
  if (length !== -1) cursor.skip(length);
}
