// What a broker must find true of a record set before it takes it. Answers the number of good batches, each with a row of
// coordinates in a table, and why the walk stopped; kernel/twins/validate.ts is the oracle, checks and their order are the same.
import { crc32c } from "./crc32c";
import * as layout from "./layout";
import { BAD, enter, position, readVarint, skip, skipNullable, skipVarlong } from "./varint";

// Numbered as kernel.ts names them.
const OK = 0;
const TRUNCATED = 1;
const MAGIC = 2;
const LENGTH = 3;
const CRC = 4;
const COUNT = 5;
const OFFSET_DELTA = 6;
const BASE_OFFSET = 7;
const CONTROL = 8;
const KEY_MISSING = 9;
const TOO_LARGE = 10;
const CODEC = 11;
/** Not a fault: the table is full, go on from `position`. */
const TABLE_FULL = 12;

const ROW_BYTES: usize = 64;
const ROWS_MAX: i32 = 256;
const table: usize = memory.data(64 * 256, 16);
// reason, record index, position
const verdict: usize = memory.data(12, 16);

export function validationTable(): usize {
  return table;
}

export function validationVerdict(): usize {
  return verdict;
}

/** [start, end) holds at least one byte less than what may be loaded: the caller keeps 16 bytes of slack behind `end`. */
export function validate(start: usize, end: usize, batchSizeMax: u32, keysRequired: bool): i32 {
  let at = start;
  let row = table;
  let count = 0;
  do {
    if (count == ROWS_MAX) return stop(TABLE_FULL, -1, at - start, count);
    const reason = checkBatch(at, end, batchSizeMax);
    if (reason != OK) return stop(reason, -1, at - start, count);
    const next = at + layout.PROLOGUE + <usize>layout.readInt32(at + 8);
    if ((layout.readInt16(at + layout.ATTRIBUTES) & 7) == 0) {
      const recordReason = checkRecords(at + layout.RECORDS, next, layout.readInt32(at + layout.RECORD_COUNT), keysRequired);
      if (recordReason != OK) return stop(recordReason, badRecord, badPosition - start, count);
    }
    emitRow(row, at, start, next);
    row += ROW_BYTES;
    count += 1;
    at = next;
  } while (at < end);
  return stop(OK, -1, at - start, count);
}

/** The inside of a batch whose body was compressed. Answers the reason. */
export function validateBody(start: usize, end: usize, count: i32, keysRequired: bool): i32 {
  const reason = checkRecords(start, end, count, keysRequired);
  if (reason != OK) stop(reason, badRecord, badPosition - start, 0);
  return reason;
}

function stop(reason: i32, recordIndex: i32, at: usize, count: i32): i32 {
  store<i32>(verdict, reason);
  store<i32>(verdict, recordIndex, 4);
  store<u32>(verdict, <u32>at, 8);
  return count;
}

function checkBatch(at: usize, end: usize, batchSizeMax: u32): i32 {
  const available = end - at;
  if (available <= layout.MAGIC) return TRUNCATED;
  if (load<u8>(at + layout.MAGIC) != 2) return MAGIC;
  if (available < layout.RECORDS) return TRUNCATED;
  const batchLength = layout.readInt32(at + 8);
  if (batchLength < <i32>(layout.RECORDS - layout.PROLOGUE)) return LENGTH;
  if (<u32>batchLength > <u32>(available - layout.PROLOGUE)) return TRUNCATED;
  const size = <u32>batchLength + <u32>layout.PROLOGUE;
  if (size > batchSizeMax) return TOO_LARGE;
  const checked = at + layout.ATTRIBUTES;
  if (crc32c(checked, at + size - checked) != <u32>layout.readInt32(at + layout.CRC)) return CRC;
  if (load<u64>(at) != 0) return BASE_OFFSET;
  const attributes = layout.readInt16(at + layout.ATTRIBUTES);
  if ((attributes & 7) > 4) return CODEC;
  if ((attributes & 32) != 0) return CONTROL;
  const count = layout.readInt32(at + layout.RECORD_COUNT);
  if (count <= 0 || count - 1 != layout.readInt32(at + layout.LAST_OFFSET_DELTA)) return COUNT;
  return OK;
}

let badRecord: i32 = 0;
let badPosition: usize = 0;

function checkRecords(start: usize, end: usize, count: i32, keysRequired: bool): i32 {
  let at = start;
  for (let index = 0; index < count; index++) {
    const reason = at == end ? COUNT : checkRecord(at, end, index, keysRequired);
    if (reason != OK) {
      badRecord = index;
      badPosition = at;
      return reason;
    }
    at = position();
  }
  if (at == end) return OK;
  badRecord = count;
  badPosition = at;
  return COUNT;
}

function checkRecord(at: usize, end: usize, index: i32, keysRequired: bool): i32 {
  enter(at, end);
  const length = readVarint();
  const body = position();
  if (body > end || <u32>length > <u32>(end - body)) return LENGTH;
  const recordEnd = body + <usize>length;
  enter(body, recordEnd);
  skip(1);
  skipVarlong();
  const offsetDelta = readVarint();
  if (position() == BAD) return LENGTH;
  if (offsetDelta != index) return OFFSET_DELTA;
  const keyLength = readVarint();
  skipNullable(keyLength);
  skipNullable(readVarint());
  skipHeaders();
  if (position() != recordEnd) return LENGTH;
  return keysRequired && keyLength < 0 ? KEY_MISSING : OK;
}

function skipHeaders(): void {
  const headers = readVarint();
  if (headers < 0) skip(-1);
  for (let header = 0; header < headers && position() != BAD; header++) {
    skip(readVarint());
    skipNullable(readVarint());
  }
}

function emitRow(row: usize, at: usize, start: usize, next: usize): void {
  store<u32>(row, <u32>(at - start));
  store<u32>(row, <u32>(next - at), 4);
  store<i32>(row, layout.readInt32(at + layout.LAST_OFFSET_DELTA) + 1, 8);
  store<i32>(row, layout.readInt16(at + layout.ATTRIBUTES), 12);
  store<i32>(row, layout.readInt16(at + layout.PRODUCER_EPOCH), 16);
  store<i32>(row, layout.readInt32(at + layout.BASE_SEQUENCE), 20);
  store<f64>(row, <f64>layout.readInt64(at + layout.BASE_TIMESTAMP), 24);
  store<f64>(row, <f64>layout.readInt64(at + layout.MAX_TIMESTAMP), 32);
  store<f64>(row, <f64>layout.readInt64(at + layout.PRODUCER_ID), 40);
}
