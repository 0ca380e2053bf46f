/**
 * The CRC-32C of bytes that come in pieces, from the CRCs of the pieces: appending n bytes multiplies by x^8n, modulo the polynomial. So a
 * batch that is larger than what is held of it can be checked on its way.
 */
const polynomial = 0x82f63b78;

/** Of two polynomials in reflected order: bit 31 is the coefficient of 1. */
function product(left: number, right: number): number {
  let sum = 0;
  let factor = right;
  for (let bit = 31; bit >= 0; bit--) {
    if (((left >>> bit) & 1) !== 0) sum ^= factor;
    factor = (factor & 1) !== 0 ? (factor >>> 1) ^ polynomial : factor >>> 1;
  }
  return sum >>> 0;
}

/** x^8n. */
function powerOfBytes(count: number): number {
  let result = 0x80000000;
  let square = 0x00800000;
  for (let left = count; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result = product(result, square);
    square = product(square, square);
  }
  return result;
}

/** Of the bytes with the first CRC and, behind them, `count` bytes with the second. */
export function combineCrc(first: number, second: number, count: number): number {
  return (product(first, powerOfBytes(count)) ^ second) >>> 0;
}
