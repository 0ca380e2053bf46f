// What compaction does with the records of a batch: a map from keys to the newest offset of each, and a filter that keeps of a body
// what the map says is newest. Keys are known by 96 bits of SipHash-1-3 under a secret of the caller, so that nobody can make two of
// them meet; a slot of the map has sixteen bytes: the hash, and the offset above the map's first, plus one (0: free).
//
// The map and the body lie where the caller says, in an instance of their own: its memory goes when the instance does.

let slots: usize = 0;
let slotCount: u32 = 0;
let used: u32 = 0;
let usedMax: u32 = 0;
let secretLow: u64 = 0;
let secretHigh: u64 = 0;

// The record that was parsed last.
let offsetDelta: i32 = 0;
let timestampDelta: i64 = 0;
let key: usize = 0;
/** -1: none. */
let keyLength: i32 = 0;
let hasValue: bool = false;

let hashLow: u64 = 0;
let hashHigh: u32 = 0;

let lastOffset: i64 = -1;
let keptLength: usize = 0;
let keptTombstones: i32 = 0;
let keptTimestampDeltaMax: i64 = 0;

/** Memory from `address` on is zero. */
export function keysStart(address: usize, count: u32, max: u32, a: u32, b: u32, c: u32, d: u32): void {
  slots = address;
  slotCount = count;
  used = 0;
  usedMax = max;
  secretLow = <u64>a | ((<u64>b) << 32);
  secretHigh = <u64>c | ((<u64>d) << 32);
}

export function keysUsed(): u32 {
  return used;
}

/** Of the last record that was put, above the map's first offset; -1: none of the last call. */
export function keysLastOffset(): f64 {
  return <f64>lastOffset;
}

/**
 * Puts the keys of a body's records, those below the map's first offset left out. Answers how many records were gone through: all, or
 * those before the one for which there was no room; -1 when the body is malformed.
 */
export function keysPut(body: usize, length: usize, count: i32, base: f64): i32 {
  const end = body + length;
  let at = body;
  lastOffset = -1;
  for (let index = 0; index < count; index++) {
    at = parse(at, end);
    if (at == 0) return -1;
    const offset = <i64>base + <i64>offsetDelta;
    if (offset < 0) continue;
    if (keyLength >= 0) {
      if (offset >= 0xfffffffe) return index;
      hash(key, <usize>keyLength);
      const slot = slotOf();
      const known = load<u32>(slot, 12);
      if (known == 0) {
        if (used == usedMax) return index;
        used += 1;
        store<u64>(slot, hashLow);
        store<u32>(slot, hashHigh, 8);
      }
      store<u32>(slot, max(known, <u32>offset + 1), 12);
    }
    lastOffset = offset;
  }
  return at == end ? count : -1;
}

/**
 * Moves the records of a body that stay to its beginning. Those from `mapEnd` on stay; below it those without a key go, those for whose
 * key the map knows a later offset, and, unless `keepTombstones`, those without a value. Answers how many stay; -1 when the body is
 * malformed, and then it is as it was.
 */
export function keysFilter(body: usize, length: usize, count: i32, base: f64, mapEnd: f64, keepTombstones: i32): i32 {
  const end = body + length;
  let at = body;
  for (let index = 0; index < count; index++) {
    at = parse(at, end);
    if (at == 0) return -1;
  }
  if (at != end) return -1;
  let out = body;
  let kept = 0;
  keptTombstones = 0;
  keptTimestampDeltaMax = i64.MIN_VALUE;
  at = body;
  for (let index = 0; index < count; index++) {
    const start = at;
    at = parse(start, end);
    const offset = <i64>base + <i64>offsetDelta;
    if (offset < <i64>mapEnd && !stays(offset, keepTombstones != 0)) continue;
    kept += 1;
    if (!hasValue) keptTombstones += 1;
    if (timestampDelta > keptTimestampDeltaMax) keptTimestampDeltaMax = timestampDelta;
    if (out != start) memory.copy(out, start, at - start);
    out += at - start;
  }
  keptLength = out - body;
  return kept;
}

export function keysKeptLength(): usize {
  return keptLength;
}

export function keysKeptTombstones(): i32 {
  return keptTombstones;
}

export function keysKeptTimestampDeltaMax(): f64 {
  return <f64>keptTimestampDeltaMax;
}

function stays(offset: i64, keepTombstones: bool): bool {
  if (keyLength < 0 || (!hasValue && !keepTombstones)) return false;
  hash(key, <usize>keyLength);
  const known = load<u32>(slotOf(), 12);
  return known == 0 || offset >= <i64>known - 1;
}

/** Where the hash is, or would be. The map is never full. */
function slotOf(): usize {
  const end = slots + ((<usize>slotCount) << 4);
  let slot = slots + ((<usize>(((hashLow & 0xffffffff) * <u64>slotCount) >> 32)) << 4);
  while (load<u32>(slot, 12) != 0 && (load<u64>(slot) != hashLow || load<u32>(slot, 8) != hashHigh)) {
    slot += 16;
    if (slot == end) slot = slots;
  }
  return slot;
}

/** The end of the record that begins at `start`; 0: it does not lie within the body, or its parts not within it. */
function parse(start: usize, end: usize): usize {
  if (start >= end) return 0;
  cursor = start;
  const length = varint();
  if (length < 0 || <usize>length > end - cursor || cursor > end) return 0;
  const recordEnd = cursor + <usize>length;
  cursor += 1;
  timestampDelta = varlong();
  offsetDelta = varint();
  keyLength = varint();
  key = cursor;
  if (offsetDelta < 0 || keyLength < -1 || cursor > recordEnd) return 0;
  if (keyLength > 0) {
    if (<usize>keyLength > recordEnd - cursor) return 0;
    cursor += <usize>keyLength;
  }
  const valueLength = varint();
  if (valueLength < -1 || cursor > recordEnd) return 0;
  if (valueLength > 0 && <usize>valueLength > recordEnd - cursor) return 0;
  hasValue = valueLength >= 0;
  return recordEnd;
}

let cursor: usize = 0;
/** Above every address: over-long varints lead here. */
const NOWHERE: usize = 0x7fffffff;

function varint(): i32 {
  let value: u32 = 0;
  for (let shift: u32 = 0; shift < 35; shift += 7) {
    if (cursor >= NOWHERE) return 0;
    const byte = <u32>load<u8>(cursor);
    cursor += 1;
    value |= (byte & 127) << shift;
    if (byte < 128) return <i32>(value >>> 1) ^ -(<i32>(value & 1));
  }
  cursor = NOWHERE;
  return 0;
}

function varlong(): i64 {
  let value: u64 = 0;
  for (let shift: u64 = 0; shift < 70; shift += 7) {
    const byte = <u64>load<u8>(cursor);
    cursor += 1;
    value |= (byte & 127) << shift;
    if (byte < 128) return <i64>(value >>> 1) ^ -(<i64>(value & 1));
  }
  cursor = NOWHERE;
  return 0;
}

/** SipHash-1-3 of 128 bits, of which 96 are kept. */
function hash(start: usize, length: usize): void {
  let v0 = secretLow ^ 0x736f6d6570736575;
  let v1 = secretHigh ^ 0x646f72616e646f6d ^ 0xee;
  let v2 = secretLow ^ 0x6c7967656e657261;
  let v3 = secretHigh ^ 0x7465646279746573;
  const words = start + (length & ~7);
  let at = start;
  let word: u64 = 0;
  for (;;) {
    const isLast = at == words;
    if (isLast) {
      word = (<u64>length) << 56;
      for (let left = length & 7; left > 0; left--) word |= (<u64>load<u8>(at + left - 1)) << ((<u64>(left - 1)) << 3);
    } else word = load<u64>(at);
    v3 ^= word;
    v0 += v1;
    v1 = rotl(v1, 13) ^ v0;
    v0 = rotl(v0, 32);
    v2 += v3;
    v3 = rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = rotl(v1, 17) ^ v2;
    v2 = rotl(v2, 32);
    v0 ^= word;
    if (isLast) break;
    at += 8;
  }
  v2 ^= 0xee;
  for (let round = 0; round < 6; round++) {
    if (round == 3) {
      hashLow = v0 ^ v1 ^ v2 ^ v3;
      v1 ^= 0xdd;
    }
    v0 += v1;
    v1 = rotl(v1, 13) ^ v0;
    v0 = rotl(v0, 32);
    v2 += v3;
    v3 = rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = rotl(v1, 17) ^ v2;
    v2 = rotl(v2, 32);
  }
  hashHigh = <u32>(v0 ^ v1 ^ v2 ^ v3);
}
