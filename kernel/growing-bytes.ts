/**
 * Output of a decompressor that doesn't know its size beforehand: grows by doubling, never past the limit, and never in one leap
 * to a size that only a header claims.
 */
import { DecompressError } from "./decompress-error.ts";

const firstBytesMax = 1 << 20;

export class GrowingBytes {
  bytes: Uint8Array;
  length = 0;
  readonly sizeMax: number;

  constructor(sizeExpected: number, sizeMax: number) {
    this.sizeMax = sizeMax;
    this.bytes = new Uint8Array(Math.min(sizeExpected, sizeMax, firstBytesMax));
  }

  /** Makes room for `count` more bytes; throws when that passes the limit. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    if (needed > this.sizeMax) throw tooLarge(this.sizeMax);
    const grown = new Uint8Array(Math.min(Math.max(needed, this.bytes.length * 2), this.sizeMax));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  append(source: Uint8Array): void {
    this.reserve(source.length);
    this.bytes.set(source, this.length);
    this.length += source.length;
  }

  /** Repeats what was written `distance` bytes ago; the copy may overlap itself. */
  repeat(distance: number, count: number): void {
    this.reserve(count);
    const { bytes, length } = this;
    if (distance >= count) bytes.copyWithin(length, length - distance, length - distance + count);
    else for (let index = length; index < length + count; index++) bytes[index] = bytes[index - distance]!;
    this.length += count;
  }

  /** What was written, in a buffer that is not much larger. */
  finish(): Uint8Array {
    return this.length === this.bytes.length ? this.bytes : this.bytes.slice(0, this.length);
  }
}

export function tooLarge(sizeMax: number): DecompressError {
  return new DecompressError("too-large", `more than ${sizeMax} bytes when decompressed`);
}
