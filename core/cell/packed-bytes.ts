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
    let at = this.#length;
    let large = value;
    while (large >= 0x40000000) {
      bytes[at++] = (large % 128) | 128;
      large = Math.floor(large / 128);
    }
    // Small from here on, which engines know how to be quick with.
    let rest = large | 0;
    while (rest >= 128) {
      bytes[at++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    bytes[at++] = rest;
    this.#length = at;
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

  /** What has been written so far, to be followed by more. */
  take(): Uint8Array {
    const taken = this.finish();
    this.#length = 0;
    return taken;
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
    const first = bytes[this.#position];
    if (first !== undefined && first < 128) {
      this.#position += 1;
      return first;
    }
    return this.#longUint(bytes);
  }

  #longUint(bytes: Uint8Array): number {
    let value = 0;
    // Up to 28 bits in small integers, which engines are quicker with.
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = bytes[this.#position++];
      if (byte === undefined) throw cut();
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
    let scale = 2 ** 28;
    for (;;) {
      const byte = bytes[this.#position++];
      if (byte === undefined || scale > 2 ** 49) throw cut();
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

function cut(): OperatingError {
  return new OperatingError("corrupt", "a number in a leader's row is cut or too long");
}
