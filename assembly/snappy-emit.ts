// Snappy's elements as the compressor puts them out: literals, and copies of at most 64 bytes from at most 64 KiB back.
import { copyForward } from "./copy";

export function snappyLiterals(to: usize, from: usize, length: usize): usize {
  if (length == 0) return to;
  const start = tag(to, length - 1);
  copyForward(start, from, length);
  return start + length;
}

/** A block has at most 64 KiB, so two bytes always hold a length. */
function tag(to: usize, last: usize): usize {
  if (last < 60) {
    store<u8>(to, <u8>(last << 2));
    return to + 1;
  }
  if (last < 256) {
    store<u8>(to, 60 << 2);
    store<u8>(to, <u8>last, 1);
    return to + 2;
  }
  store<u8>(to, 61 << 2);
  store<u16>(to, <u16>last, 1);
  return to + 3;
}

export function snappyCopy(to: usize, distance: usize, length: usize): usize {
  let at = to;
  let rest = length;
  while (rest > 0) {
    // Short and near: two bytes do.
    if (rest >= 4 && rest < 12 && distance < 2048) {
      store<u8>(at, <u8>(((distance >> 8) << 5) | ((rest - 4) << 2) | 1));
      store<u8>(at, <u8>distance, 1);
      return at + 2;
    }
    const count = min<usize>(rest, 64);
    store<u8>(at, <u8>(((count - 1) << 2) | 2));
    store<u16>(at, <u16>distance, 1);
    at += 3;
    rest -= count;
  }
  return at;
}
