// The fast lane of the walk: hops over records that lie wholly in the window, have short keys, no headers and short varints, which
// is most of them. It judges nothing: whatever is not plain, or not good, is left for walk.ts, at the beginning of that record.
//
// One long function on purpose. Every varint is written out with locals, so that its length is a branch for the processor to
// guess: through globals, or as a number computed from the bytes, each field would wait for the one before, at three times the time.

let hoppedTo: usize = 0;
let hoppedIndex: i32 = 0;
let hoppedDeltaMax: i32 = i32.MIN_VALUE;

/** After `hop`: the first record that it left, that record's index, and the largest timestamp delta of those before. */
export function hopAt(): usize {
  return hoppedTo;
}

export function hopIndex(): i32 {
  return hoppedIndex;
}

export function hopDeltaMax(): i32 {
  return hoppedDeltaMax;
}

/** Hops over records from `from` on that end at or before `limit`. Loads at most 32 bytes behind a record's beginning or its key. */
export function hop(from: usize, limit: usize, firstIndex: i32, count: i32, keysRequired: bool): void {
  let start = from;
  let index = firstIndex;
  let deltaMax = i32.MIN_VALUE;
  while (index < count && start < limit) {
    // The record's length, in two bytes at most: a longer one doesn't lie in the window. Odd is negative, here and below.
    let byte = <u32>load<u8>(start);
    let at = start + 1;
    let length = byte;
    if (byte > 127) {
      byte = load<u8>(at);
      at += 1;
      length = (length & 127) | (byte << 7);
      if (byte > 127) break;
    }
    const end = at + <usize>(length >>> 1);
    if ((length & 1) != 0 || end > limit) break;

    // Past the attributes, the timestamp delta.
    byte = load<u8>(at, 1);
    at += 2;
    let delta = byte;
    if (byte > 127) {
      byte = load<u8>(at);
      at += 1;
      delta = (delta & 127) | (byte << 7);
      if (byte > 127) {
        byte = load<u8>(at);
        at += 1;
        delta = (delta & 0x3fff) | (byte << 14);
        if (byte > 127) break;
      }
    }

    byte = load<u8>(at);
    at += 1;
    let offset = byte;
    if (byte > 127) {
      byte = load<u8>(at);
      at += 1;
      offset = (offset & 127) | (byte << 7);
      if (byte > 127) {
        byte = load<u8>(at);
        at += 1;
        offset = (offset & 0x3fff) | (byte << 14);
        if (byte > 127) break;
      }
    }
    if (offset != (<u32>index) << 1) break;

    // A key of less than 64 bytes, or none: 1 is -1.
    byte = load<u8>(at);
    at += 1;
    if (byte == 1) {
      if (keysRequired) break;
    } else if ((byte & 129) != 0) break;
    else at += <usize>(byte >>> 1);
    if (at >= end) break;

    byte = load<u8>(at);
    at += 1;
    let value = byte;
    if (byte > 127) {
      byte = load<u8>(at);
      at += 1;
      value = (value & 127) | (byte << 7);
      if (byte > 127) break;
    }
    // No headers: behind the value there is one byte, and it is 0. A null value is left to walk.ts.
    if ((value & 1) != 0 || at + <usize>(value >>> 1) + 1 != end || load<u8>(end - 1) != 0) break;

    deltaMax = max(deltaMax, <i32>(delta >>> 1) ^ -(<i32>(delta & 1)));
    start = end;
    index += 1;
  }
  hoppedTo = start;
  hoppedIndex = index;
  hoppedDeltaMax = deltaMax;
}
