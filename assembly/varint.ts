// Kafka's zigzag varints. The position is one global, which the optimizer keeps in a register of the loop around; reading past
// `limit` is caught by moving the position to BAD, beyond every end, so that a record is judged once and not at every byte.

/** Above every address: a cursor that has come here stays here. */
export const BAD: usize = 0x7fffffff;

let cursor: usize = 0;
let limit: usize = 0;

export function position(): usize {
  return cursor;
}

export function enter(at: usize, end: usize): void {
  cursor = at;
  limit = end;
}

export function readVarint(): i32 {
  if (cursor < limit) {
    const first = <u32>load<u8>(cursor);
    if (first < 128) {
      cursor += 1;
      return unzigzag(first);
    }
  }
  return readLongVarint();
}

function readLongVarint(): i32 {
  let value: u32 = 0;
  let at = cursor;
  for (let shift: u32 = 0; shift <= 28; shift += 7) {
    if (at >= limit) break;
    const byte = <u32>load<u8>(at);
    at += 1;
    value |= (byte & 127) << shift;
    if (byte < 128) {
      cursor = at;
      return unzigzag(value);
    }
  }
  cursor = BAD;
  return 0;
}

/** Moves over a 64-bit varint of at most ten bytes. */
export function skipVarlong(): void {
  let at = cursor;
  for (let index = 0; index < 10; index++) {
    if (at >= limit) break;
    const byte = load<u8>(at);
    at += 1;
    if (byte < 128) {
      cursor = at;
      return;
    }
  }
  cursor = BAD;
}

export function skip(length: i32): void {
  if (cursor > limit || <u32>length > <u32>(limit - cursor)) cursor = BAD;
  else cursor += <usize>length;
}

/** -1 is null; any other negative length is a lie. */
export function skipNullable(length: i32): void {
  if (length != -1) skip(length);
}

function unzigzag(value: u32): i32 {
  return <i32>(value >>> 1) ^ -(<i32>(value & 1));
}
