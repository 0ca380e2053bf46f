// Walks the records of one batch, piece by piece, hopping over keys and values: every record must fill its length, count up its
// offset delta and, on a compacted topic, have a key. Rests wherever the next bytes haven't come yet; kernel/twins/validate.ts is
// the oracle, and the checks and their order are the same.
import { hop, hopAt, hopDeltaMax, hopIndex } from "./hop";
import { CARRY, input, PIECE } from "./input";

// Answers, numbered as kernel.ts names them. MORE: fine so far.
const OK = 0;
const LENGTH = 1;
const COUNT = 2;
const OFFSET_DELTA = 3;
const KEY_MISSING = 4;
const MORE = 5;

// What of a record comes next.
const HEAD = 0;
const VALUE = 1;
const HEADERS = 2;
const HEADER_NAME = 3;
const HEADER_VALUE = 4;

/** No part of a record but keys, values and names is longer: five varints and a byte. */
const PART_MAX: usize = 32;
/** Above every address of the window: over-long varints lead here. */
const NOWHERE: usize = 0x7fffffff;

// Addresses in the window; those of what lies beyond it are beyond it too, and move closer with every piece.
let at: usize = 0;
let end: usize = 0;
let recordEnd: usize = 0;
let recordStart: usize = 0;
/** Bytes of earlier pieces. */
let passed: usize = 0;

let phase: i32 = HEAD;
let index: i32 = 0;
let count: i32 = 0;
let keysRequired: bool = false;
let keyMissing: bool = false;
let headersLeft: i32 = 0;
let timestampDeltaMax: i64 = i64.MIN_VALUE;

/** The records lie in bytes [start, length) of what will pass through the window. */
export function walkStart(start: usize, length: usize, recordCount: i32, needsKeys: bool): void {
  at = input + start;
  end = input + length;
  passed = 0;
  phase = HEAD;
  index = 0;
  count = recordCount;
  keysRequired = needsKeys;
  timestampDeltaMax = i64.MIN_VALUE;
}

/** Takes in one piece of exactly PIECE bytes that is not the last. */
export function walkPiece(): i32 {
  const reason = walk(input + PIECE - PART_MAX, input + PIECE);
  if (reason != MORE) return reason;
  // A call of memory.copy would cost more than the copy.
  for (let offset: usize = 0; offset < CARRY; offset += 16)
    v128.store(input - CARRY + offset, v128.load(input + PIECE - CARRY + offset));
  at -= PIECE;
  end -= PIECE;
  recordEnd -= PIECE;
  recordStart -= PIECE;
  passed += PIECE;
  return MORE;
}

export function walkEnd(): i32 {
  return walk(NOWHERE, end);
}

/** Which record was judged last, and where in the whole it begins. */
export function walkRecord(): i32 {
  return index;
}

export function walkPosition(): usize {
  return recordStart - input + passed;
}

/** The largest timestamp delta of the records walked over. */
export function walkTimestampDeltaMax(): f64 {
  return index == 0 ? 0 : <f64>timestampDeltaMax;
}

/** What of the window belongs to the walk ends at `limit` or before; every part that begins at or before `safe` is there. */
function walk(safe: usize, limit: usize): i32 {
  while (at <= safe || phase == HEAD) {
    let reason = OK;
    if (phase == HEAD) {
      if (at < limit) hopAhead(min(limit, end));
      if (index >= count || at == end) {
        recordStart = at;
        return at == end && index == count ? OK : COUNT;
      }
      if (at > safe) return MORE;
      reason = head();
    } else if (phase == VALUE) {
      phase = HEADERS;
      reason = skipNullable();
    } else if (phase == HEADERS) {
      reason = headers();
    } else if (phase == HEADER_NAME) {
      phase = HEADER_VALUE;
      reason = skipBytes(readVarint());
    } else {
      headersLeft -= 1;
      phase = HEADER_NAME;
      reason = skipNullable();
      if (reason == OK && headersLeft == 0) reason = leave();
    }
    if (reason != OK) return reason;
  }
  return MORE;
}

/** All plain records at once; what comes next is not plain, or not good, or not all there. */
function hopAhead(limit: usize): void {
  hop(at, limit, index, count, keysRequired);
  at = hopAt();
  // Of no records there is no largest delta, though the hop has a number for it.
  if (hopIndex() == index) return;
  index = hopIndex();
  timestampDeltaMax = max(timestampDeltaMax, <i64>hopDeltaMax());
}

/** Length, attributes, timestamp, offset and key. Reads may run past the record: the position tells, and is checked. */
function head(): i32 {
  recordStart = at;
  const length = readVarint();
  if (at > end || <u32>length > <u32>(end - at)) return LENGTH;
  recordEnd = at + <usize>length;
  at += 1;
  const timestampDelta = readVarlong();
  if (at > recordEnd) return LENGTH;
  if (timestampDelta > timestampDeltaMax) timestampDeltaMax = timestampDelta;
  const offsetDelta = readVarint();
  if (at > recordEnd) return LENGTH;
  if (offsetDelta != index) return OFFSET_DELTA;
  const keyLength = readVarint();
  phase = VALUE;
  keyMissing = keyLength < 0;
  return keyLength == -1 ? inside() : skipBytes(keyLength);
}

function headers(): i32 {
  headersLeft = readVarint();
  if (headersLeft < 0 || at > recordEnd) return LENGTH;
  phase = HEADER_NAME;
  return headersLeft == 0 ? leave() : OK;
}

function leave(): i32 {
  if (at != recordEnd) return LENGTH;
  if (keysRequired && keyMissing) return KEY_MISSING;
  phase = HEAD;
  index += 1;
  return OK;
}

/** -1 is null; any other negative length is a lie. */
function skipNullable(): i32 {
  const length = readVarint();
  return length == -1 ? inside() : skipBytes(length);
}

function skipBytes(length: i32): i32 {
  if (at > recordEnd || <u32>length > <u32>(recordEnd - at)) return LENGTH;
  at += <usize>length;
  return OK;
}

function inside(): i32 {
  return at > recordEnd ? LENGTH : OK;
}

function readVarint(): i32 {
  const first = <u32>load<u8>(at);
  if (first < 128) {
    at += 1;
    return unzigzag(first);
  }
  const second = <u32>load<u8>(at, 1);
  if (second < 128) {
    at += 2;
    return unzigzag((first & 127) | (second << 7));
  }
  return readLongVarint();
}

function readLongVarint(): i32 {
  let value: u32 = 0;
  for (let byteIndex: usize = 0; byteIndex < 5; byteIndex++) {
    const byte = <u32>load<u8>(at + byteIndex);
    value |= (byte & 127) << (<u32>byteIndex * 7);
    if (byte < 128) {
      at += byteIndex + 1;
      return unzigzag(value);
    }
  }
  at = NOWHERE;
  return 0;
}

/** At most ten bytes; bits past the 64th are dropped. */
function readVarlong(): i64 {
  let value: u64 = 0;
  for (let byteIndex: usize = 0; byteIndex < 10; byteIndex++) {
    const byte = <u64>load<u8>(at + byteIndex);
    value |= (byte & 127) << (<u64>byteIndex * 7);
    if (byte < 128) {
      at += byteIndex + 1;
      return <i64>(value >>> 1) ^ -(<i64>(value & 1));
    }
  }
  at = NOWHERE;
  return 0;
}

function unzigzag(value: u32): i32 {
  return <i32>(value >>> 1) ^ -(<i32>(value & 1));
}
