// One block of an LZ4 frame. Framing is the caller's business, as is keeping the 64 KiB before the block, which matches may reach
// into, right before the output.
import { copyForward, repeat } from "./copy";

/** The answers below zero: what kernel.ts makes of them is said there. */
const MALFORMED: i32 = -1;
const OVER_LIMIT: i32 = -2;

/** Where an extended length left the input; 0 when the input was at its end. */
let lengthEnd: usize = 0;

/** Adds bytes to a length until one is less than 255. */
function extendedLength(at: usize, end: usize): usize {
  let length: usize = 15;
  for (let next = at; next < end; next++) {
    const byte = load<u8>(next);
    length += byte;
    if (byte != 255) {
      lengthEnd = next + 1;
      return length;
    }
  }
  lengthEnd = 0;
  return 0;
}

/** Answers the length of the output, which may come to `outputMax`. */
export function lz4Block(input: usize, inputLength: usize, output: usize, outputMax: usize, history: usize): i32 {
  const inputEnd = input + inputLength;
  const outputEnd = output + outputMax;
  let at = input;
  let to = output;
  while (at < inputEnd) {
    const token = <usize>load<u8>(at);
    at += 1;
    let literals = token >> 4;
    if (literals == 15) {
      literals = extendedLength(at, inputEnd);
      if (lengthEnd == 0) return MALFORMED;
      at = lengthEnd;
    }
    if (literals > inputEnd - at) return MALFORMED;
    if (literals > outputEnd - to) return OVER_LIMIT;
    copyForward(to, at, literals);
    at += literals;
    to += literals;
    if (at == inputEnd) return <i32>(to - output);
    if (inputEnd - at < 2) return MALFORMED;
    const distance = <usize>load<u16>(at);
    at += 2;
    let count = token & 15;
    if (count == 15) {
      count = extendedLength(at, inputEnd);
      if (lengthEnd == 0) return MALFORMED;
      at = lengthEnd;
    }
    count += 4;
    if (distance == 0 || distance > to - output + history) return MALFORMED;
    if (count > outputEnd - to) return OVER_LIMIT;
    repeat(to, distance, count);
    to += count;
  }
  return MALFORMED;
}
