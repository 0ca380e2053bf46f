// LZ4's sequences as the compressor puts them out: a token with both lengths, literals, distance. The token stays open between
// the literals and the copy that follows; the last literals have no copy.
import { copyForward } from "./copy";

let token: usize = 0;

export function lz4Literals(to: usize, from: usize, length: usize): usize {
  token = to;
  store<u8>(token, <u8>(min<usize>(length, 15) << 4));
  const start = extended(to + 1, length);
  copyForward(start, from, length);
  return start + length;
}

export function lz4Copy(to: usize, distance: usize, length: usize): usize {
  store<u16>(to, <u16>distance);
  store<u8>(token, load<u8>(token) | <u8>min<usize>(length - 4, 15));
  return extended(to + 2, length - 4);
}

/** What of a length passes the token's 15, in bytes that add up. */
function extended(to: usize, length: usize): usize {
  if (length < 15) return to;
  let at = to;
  let rest = length - 15;
  for (; rest >= 255; rest -= 255) {
    store<u8>(at, 255);
    at += 1;
  }
  store<u8>(at, <u8>rest);
  return at + 1;
}
