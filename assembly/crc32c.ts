// CRC-32C (Castagnoli) without tables for all but the last bytes. The CRC is the remainder of the input, read as a polynomial
// over GF(2), by P. Any multiple of P may take its place until the end, so we divide by one with four terms only:
//
//   x^5321 + x^3574 + x^2491 + 1, a multiple of P, and so is it with every exponent times eight (squaring keeps GF(2)'s sums).
//
// Times eight, the exponents count bytes: quotient byte i is input byte i xor quotient bytes i - 1747, i - 2830 and i - 5321.
// That is three XORs for sixteen bytes at once, where a table needs sixteen look-ups. What remains is as long as the divisor; a
// second divisor, six terms times sixteen, brings it to 598 bytes, and slicing through tables does those and all short inputs.
import { input, PIECE } from "./input";
import { slice } from "./crc32c-tables";

// The long divisor's distances in bytes, and where it begins to pay.
const A1: usize = 1747;
const A2: usize = 2830;
const A3: usize = 5321;
const LONG_MIN: usize = 8192;

/** Quotient bytes lie in a ring, twice: index i at i % RING and at i % RING + RING, so that no read ever wraps. */
const RING: usize = 8192;
const ring: usize = memory.data(2 * 8192 + 64, 64);
const ringEnd: usize = ring + RING;

// The short divisor x^299 + x^142 + x^134 + x^62 + x^21 + 1, exponents times sixteen: distances in bytes.
const B1: usize = 314;
const B2: usize = 330;
const B3: usize = 474;
const B4: usize = 556;
const B5: usize = 598;
const SHORT_MIN: usize = 1280;

/** What the long divisor leaves, or a middling input; before it lie zeros, its quotient's past. */
const middle: usize = memory.data(640 + 8192 + 64, 64) + 640;
const last: usize = memory.data(768, 64);

/** The raw register of a stream that is too short to have been divided, or that begins. */
let pending: u32 = 0;
/** Where the next quotient bytes go; 0 while nothing has been divided. */
let ringAt: usize = 0;

/** Begins a stream. */
export function crcStart(): void {
  pending = <u32>-1;
  ringAt = 0;
}

/** Takes in one piece of exactly PIECE bytes that is not the last. */
export function crcPiece(): void {
  if (ringAt == 0) startDividing();
  divide(input, input + PIECE);
}

/** Takes in the last piece, of LONG_MIN bytes or more if there was another before, and answers the CRC. */
export function crcEnd(length: usize): u32 {
  if (ringAt == 0) {
    if (length < SHORT_MIN) return ~slice(pending, input, length);
    if (length < LONG_MIN) {
      memory.copy(middle, input, length);
      return ~divideShort(pending, length);
    }
    startDividing();
  }
  const quotientEnd = input + ((length - A3) & ~63);
  divide(input, quotientEnd);
  const rest = input + length - quotientEnd;
  leaveRemainder(quotientEnd, rest);
  return ~divideShort(0, rest);
}

function startDividing(): void {
  memory.fill(ringEnd - A3, 0, A3);
  // The bytes that are A3 back from the first four are read for nothing but those: the register is xored into them.
  store<u32>(ringEnd - A3, pending);
  ringAt = ring;
}

/** Both a multiple of 64 bytes apart, as the ring's ends are. */
function divide(from: usize, end: usize): void {
  let at = from;
  let to = ringAt;
  while (at < end) {
    const lapEnd = at + min(end - at, ringEnd - to);
    while (at < lapEnd) {
      step(at, to);
      step(at + 16, to + 16);
      step(at + 32, to + 32);
      step(at + 48, to + 48);
      at += 64;
      to += 64;
    }
    if (to == ringEnd) to = ring;
  }
  ringAt = to;
}

function step(at: usize, to: usize): void {
  const q = quotient(at, to);
  v128.store(to, q);
  v128.store(to, q, RING);
}

function quotient(at: usize, to: usize): v128 {
  const near = v128.xor(v128.load(at), v128.load(to, RING - A1));
  return v128.xor(near, v128.xor(v128.load(to, RING - A2), v128.load(to, RING - A3)));
}

/** Past the last quotient byte the quotient is zero, and what the same sums give is the remainder. */
function leaveRemainder(from: usize, length: usize): void {
  let to = ringAt;
  for (let offset: usize = 0; offset < length; offset += 16) {
    v128.store(middle + offset, quotient(from + offset, to));
    v128.store(to, i64x2(0, 0));
    v128.store(to, i64x2(0, 0), RING);
    to += 16;
    if (to == ringEnd) to = ring;
  }
}

/** The register over the `length` bytes in `middle`. The same division, in place. */
function divideShort(register: u32, length: usize): u32 {
  store<u32>(middle - B5, register);
  const quotientEnd = middle + ((length - B5) & ~15);
  for (let at = middle; at < quotientEnd; at += 16) v128.store(at, v128.xor(v128.load(at), feedback(at)));
  store<u32>(middle - B5, 0);
  const rest = middle + length - quotientEnd;
  memory.copy(last, quotientEnd, rest);
  memory.fill(quotientEnd, 0, rest);
  for (let offset: usize = 0; offset < rest; offset += 16) {
    v128.store(last + offset, v128.xor(v128.load(last + offset), feedback(quotientEnd + offset)));
  }
  return slice(0, last, rest);
}

function feedback(at: usize): v128 {
  const near = v128.xor(v128.load(at - B1), v128.load(at - B2));
  const far = v128.xor(v128.load(at - B4), v128.load(at - B5));
  return v128.xor(v128.xor(near, v128.load(at - B3)), far);
}
