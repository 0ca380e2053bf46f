/**
 * What a broker must find true of a record set before it takes it: the plain twin. The order of the checks is part of the
 * contract, since the first thing that is wrong decides which Kafka error the producer sees; a damaged batch is called damaged
 * (crc) before anything inside it is judged.
 */
import { attributeMask, batchField, codecMax, prologueBytes, readBatchHeader, viewOf } from "../batch-layout.ts";
import type { InvalidReason, ValidateBodyResult, ValidatedBatch, ValidateOptions, ValidateResult } from "../interface.ts";
import { crc32c as plainCrc32c } from "./crc32c.ts";
import { VarintCursor } from "./varint.ts";

type Failure = { readonly reason: InvalidReason; readonly recordIndex: number; readonly position: number };

export function validate(
  records: Uint8Array,
  options: ValidateOptions,
  crc32c: (bytes: Uint8Array) => number = plainCrc32c,
): ValidateResult {
  const view = viewOf(records);
  const batches: ValidatedBatch[] = [];
  let position = 0;
  do {
    const failure = checkBatch(records, view, position, options, crc32c);
    if (failure !== undefined) return { ok: false, batchIndex: batches.length, ...failure };
    const batch = readBatchHeader(view, position);
    batches.push(toValidated(batch));
    position += batch.size;
  } while (position < records.length);
  return { ok: true, batches };
}

function toValidated(batch: ValidatedBatch): ValidatedBatch {
  const { position, size, offsetCount, attributes, baseTimestamp, maxTimestamp, producerId, producerEpoch, baseSequence } = batch;
  return { position, size, offsetCount, attributes, baseTimestamp, maxTimestamp, producerId, producerEpoch, baseSequence };
}

function checkBatch(
  records: Uint8Array,
  view: DataView,
  position: number,
  options: ValidateOptions,
  crc32c: (bytes: Uint8Array) => number,
): Failure | undefined {
  const failed = (reason: InvalidReason): Failure => ({ reason, recordIndex: -1, position });
  const available = records.length - position;
  if (available <= batchField.magic) return failed("truncated");
  if (view.getInt8(position + batchField.magic) !== 2) return failed("magic");
  if (available < batchField.records) return failed("truncated");
  const batchLength = view.getInt32(position + batchField.batchLength);
  if (batchLength < batchField.records - prologueBytes) return failed("length");
  if (batchLength > available - prologueBytes) return failed("truncated");
  const end = position + prologueBytes + batchLength;
  if (end - position > options.batchSizeMax) return failed("too-large");
  if (crc32c(records.subarray(position + batchField.attributes, end)) !== view.getUint32(position + batchField.crc))
    return failed("crc");
  if (view.getInt32(position) !== 0 || view.getInt32(position + 4) !== 0) return failed("base-offset");
  const attributes = view.getInt16(position + batchField.attributes);
  const codec = attributes & attributeMask.codec;
  if (codec > codecMax) return failed("codec");
  if ((attributes & attributeMask.control) !== 0) return failed("control");
  const count = view.getInt32(position + batchField.recordCount);
  if (count <= 0 || count - 1 !== view.getInt32(position + batchField.lastOffsetDelta)) return failed("count");
  return codec === 0 ? checkRecords(records, position + batchField.records, end, count, options.keysRequired) : undefined;
}

/** The inside of a batch whose body was compressed. */
export function validateBody(body: Uint8Array, recordCount: number, keysRequired: boolean): ValidateBodyResult {
  const failure = checkRecords(body, 0, body.length, recordCount, keysRequired);
  return failure === undefined ? { ok: true } : { ok: false, ...failure };
}

function checkRecords(bytes: Uint8Array, start: number, end: number, count: number, keysRequired: boolean): Failure | undefined {
  const cursor = new VarintCursor(bytes, start, end);
  for (let index = 0; index < count; index++) {
    const position = cursor.position;
    if (position === end) return { reason: "count", recordIndex: index, position };
    cursor.end = end;
    const reason = checkRecord(cursor, end, index, keysRequired);
    if (reason !== undefined) return { reason, recordIndex: index, position };
  }
  return cursor.position === end ? undefined : { reason: "count", recordIndex: count, position: cursor.position };
}

function checkRecord(cursor: VarintCursor, end: number, index: number, keysRequired: boolean): InvalidReason | undefined {
  const length = cursor.int();
  if (cursor.bad || length < 0 || length > end - cursor.position) return "length";
  cursor.end = cursor.position + length;
  cursor.skip(1);
  cursor.long();
  const offsetDelta = cursor.int();
  if (cursor.bad) return "length";
  if (offsetDelta !== index) return "offset-delta";
  const keyLength = cursor.int();
  skipNullable(cursor, keyLength);
  skipNullable(cursor, cursor.int());
  skipHeaders(cursor);
  if (cursor.bad || cursor.position !== cursor.end) return "length";
  return keysRequired && keyLength < 0 ? "key-missing" : undefined;
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
