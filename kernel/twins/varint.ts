/**
 * Kafka's zigzag varints, read in place. A cursor keeps the position, so that reading allocates nothing; an over-long or cut
 * varint turns the cursor bad, and every later read of it stays bad, so callers check once per record.
 */
export class VarintCursor {
  readonly bytes: Uint8Array;
  position: number;
  end: number;
  bad = false;

  constructor(bytes: Uint8Array, position: number, end: number) {
    this.bytes = bytes;
    this.position = position;
    this.end = end;
  }

  /** A 32-bit varint: at most five bytes; bits above the 32nd are dropped, as Kafka drops them. */
  int(): number {
    let value = 0;
    for (let shift = 0; shift <= 28; shift += 7) {
      const byte = this.#byte();
      value |= (byte & 127) << shift;
      if (byte < 128) return (value >>> 1) ^ -(value & 1);
    }
    this.bad = true;
    return 0;
  }

  /** A 64-bit varint as a number: exact to 2^53, at most ten bytes. */
  long(): number {
    let low = 0;
    let high = 0;
    for (let index = 0; index < 10; index++) {
      const byte = this.#byte();
      if (index < 4) low += (byte & 127) * 2 ** (7 * index);
      else high += (byte & 127) * 2 ** (7 * (index - 4));
      if (byte < 128) return fromZigzag(low, high);
    }
    this.bad = true;
    return 0;
  }

  /** Moves over `length` bytes; bad when they aren't there. */
  skip(length: number): void {
    if (length < 0 || length > this.end - this.position) this.bad = true;
    else this.position += length;
  }

  #byte(): number {
    if (this.bad || this.position >= this.end) {
      this.bad = true;
      return 0;
    }
    return this.bytes[this.position++]!;
  }
}

/** `low` holds 28 bits, `high` those above them (past the 64th they are dropped). Rounds once, beyond 2^53. */
function fromZigzag(low: number, high: number): number {
  const upper = (high % 2 ** 36) * 2 ** 27;
  return low % 2 === 0 ? low / 2 + upper : -((low + 1) / 2 + upper);
}
