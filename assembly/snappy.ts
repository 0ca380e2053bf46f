// The elements of one raw Snappy stream, behind the length that it opens with. Xerial's framing is the caller's business.
import { copyForward, repeat } from "./copy";

const MALFORMED: i32 = -1;

/** Answers `outputLength` when the elements give exactly that. */
export function snappyElements(input: usize, inputLength: usize, output: usize, outputLength: usize): i32 {
  const inputEnd = input + inputLength;
  const outputEnd = output + outputLength;
  let at = input;
  let to = output;
  while (at < inputEnd) {
    const tag = <usize>load<u8>(at);
    at += 1;
    const kind = tag & 3;
    // Loads four bytes whatever is meant; at the end they are the room behind the input, and the checks below refuse them.
    const word = <usize>load<u32>(at);
    if (kind == 0) {
      let length = tag >> 2;
      if (length >= 60) {
        const extra = length - 59;
        length = extra == 4 ? word : word & ((1 << (extra << 3)) - 1);
        at += extra;
      }
      // A length of 2^32 wraps to 0 here and must not pass.
      if (at > inputEnd || length >= inputEnd - at || length >= outputEnd - to) return MALFORMED;
      length += 1;
      copyForward(to, at, length);
      at += length;
      to += length;
      continue;
    }
    let distance: usize;
    let length: usize;
    if (kind == 1) {
      length = 4 + ((tag >> 2) & 7);
      distance = ((tag >> 5) << 8) | (word & 255);
      at += 1;
    } else {
      length = 1 + (tag >> 2);
      distance = kind == 2 ? word & 0xffff : word;
      at += kind == 2 ? 2 : 4;
    }
    if (at > inputEnd || distance == 0 || distance > to - output || length > outputEnd - to) return MALFORMED;
    repeat(to, distance, length);
    to += length;
  }
  return to == outputEnd ? <i32>outputLength : MALFORMED;
}
