/**
 * How journal entries and snapshots spell numbers: unsigned varints up to 2^53 and zigzag for signed ones. Reading past the end or a
 * number too long throws: rows are ours, so that is damage, not input.
 */
import { OperatingError } from "../operating-error.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class PackedWriter {
  #bytes: Uint8Array;
  #length = 0;

  constructor(sizeHint = 256) {
    this.#bytes = new Uint8Array(sizeHint);
  }

  get length(): number {
    return this.#length;
  }

  /** What cannot be read back must not be written: a row is for ever. */
  uint(value: number): void {
    if (!(value >= 0 && Number.isSafeInteger(value))) throw new Error(`${value} cannot be written into a leader's row`);
    if (this.#length + 8 > this.#bytes.length) this.#grow(8);
    const bytes = this.#bytes;
    let rest = value;
    while (rest >= 0x80000000) {
      bytes[this.#length++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    while (rest >= 128) {
      bytes[this.#length++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    bytes[this.#length++] = rest;
  }

  /** Safe integers of less than 2^52 either way. */
  int(value: number): void {
    this.uint(value < 0 ? -value * 2 - 1 : value * 2);
  }

  bytes(value: Uint8Array): void {
    this.uint(value.length);
    if (this.#length + value.length > this.#bytes.length) this.#grow(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  string(value: string): void {
    this.bytes(encoder.encode(value));
  }

  #grow(extra: number): void {
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + extra));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}

export class PackedReader {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#position === this.#bytes.length;
  }

  uint(): number {
    const bytes = this.#bytes;
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = bytes[this.#position++];
      if (byte === undefined || scale > 2 ** 49)
        throw new OperatingError("corrupt", "a number in a leader's row is cut or too long");
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
  }

  int(): number {
    const value = this.uint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  bytes(): Uint8Array {
    const length = this.uint();
    const start = this.#position;
    if (start + length > this.#bytes.length) throw new OperatingError("corrupt", "bytes in a leader's row are cut");
    this.#position += length;
    return this.#bytes.subarray(start, this.#position);
  }

  string(): string {
    return decoder.decode(this.bytes());
  }
}
