// Greedy compression of one block of at most 64 KiB, for both formats: where four bytes were seen before, the longest match from
// there is put out as a copy, and what lies between matches as literals. Fast rather than small, as both formats are meant to be.
import { lz4Copy, lz4Literals } from "./lz4-emit";
import { snappyCopy, snappyLiterals } from "./snappy-emit";

const HASH_BITS = 13;
/** Positions in the block, by the hash of the four bytes there. */
const seen: usize = memory.data(2 << 13, 16);

/** LZ4's rules, which don't hurt Snappy: the last match begins 12 bytes before the end or earlier, the last 5 bytes are literals. */
const MATCH_START_MIN: usize = 12;
const LITERALS_MIN: usize = 5;
/** After so many bytes (as a power of two) without a match the search takes longer steps. */
const PATIENCE_BITS: usize = 6;

/** Answers the length of the output, which needs room for the input, a 32nd of it and 128 bytes. */
export function compressLz4(input: usize, length: usize, output: usize): usize {
  return compress(input, length, output, false) - output;
}

/** The elements only, without the length that a raw stream opens with. */
export function compressSnappy(input: usize, length: usize, output: usize): usize {
  return compress(input, length, output, true) - output;
}

function compress(input: usize, length: usize, output: usize, isSnappy: bool): usize {
  memory.fill(seen, 0, 2 << HASH_BITS);
  const end = input + length;
  let to = output;
  let anchor = input;
  const searchEnd = length > MATCH_START_MIN ? end - MATCH_START_MIN : input;
  for (let at = input + 1; at < searchEnd;) {
    const word = load<u32>(at);
    const slot = seen + ((<usize>((word * 2654435761) >>> (32 - HASH_BITS))) << 1);
    const match = input + <usize>load<u16>(slot);
    store<u16>(slot, <u16>(at - input));
    if (load<u32>(match) != word) {
      at += 1 + ((at - anchor) >> PATIENCE_BITS);
      continue;
    }
    const matchEnd = extend(at + 4, match + 4, end - LITERALS_MIN);
    to = isSnappy ? snappyLiterals(to, anchor, at - anchor) : lz4Literals(to, anchor, at - anchor);
    to = isSnappy ? snappyCopy(to, at - match, matchEnd - at) : lz4Copy(to, at - match, matchEnd - at);
    at = matchEnd;
    anchor = matchEnd;
  }
  if (isSnappy) return anchor == end ? to : snappyLiterals(to, anchor, end - anchor);
  return lz4Literals(to, anchor, end - anchor);
}

/** How far two stretches are alike, eight bytes at a time. */
function extend(from: usize, matchFrom: usize, end: usize): usize {
  let at = from;
  let match = matchFrom;
  while (at + 8 <= end) {
    const difference = load<u64>(at) ^ load<u64>(match);
    if (difference != 0) return at + <usize>(ctz<u64>(difference) >>> 3);
    at += 8;
    match += 8;
  }
  while (at < end && load<u8>(at) == load<u8>(match)) {
    at += 1;
    match += 1;
  }
  return at;
}
