/**
 * Reads Kafka's primitive types from a frame. Every length and count is somebody else's word: it is held against the bytes that
 * are really there before anything is allocated for it, and a lie ends in a DecodeError, which closes the connection.
 */

export class DecodeError extends Error {
  override readonly name = "DecodeError";
}

/**
 * Elements that one message may hold in all of its arrays. A frame of the largest size could otherwise hold tens of millions of
 * two-byte structs, each of which costs fifty times as much once it is an object.
 */
export const elementsMax = 250_000;

const decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });
const hexOfByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const noBytes = new Uint8Array(0);

/** Up to this many bytes a loop is faster than the platform's decoder. */
const asciiSizeMax = 24;

export class Reader {
  position: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #end: number;
  #elementsLeft: number;

  constructor(bytes: Uint8Array, position = 0, elements = elementsMax) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#end = bytes.byteLength;
    this.position = position;
    this.#elementsLeft = elements;
  }

  get remaining(): number {
    return this.#end - this.position;
  }

  #take(size: number): number {
    const start = this.position;
    if (size > this.#end - start) throw new DecodeError(`${size} bytes wanted at ${start}, ${this.#end - start} left`);
    this.position = start + size;
    return start;
  }

  bool(): boolean {
    return this.#bytes[this.#take(1)] !== 0;
  }

  int8(): number {
    return this.#view.getInt8(this.#take(1));
  }

  int16(): number {
    return this.#view.getInt16(this.#take(2));
  }

  uint16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  int32(): number {
    return this.#view.getInt32(this.#take(4));
  }

  int64(): bigint {
    return this.#view.getBigInt64(this.#take(8));
  }

  float64(): number {
    return this.#view.getFloat64(this.#take(8));
  }

  uvarint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#bytes[this.#take(1)] ?? 0;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) {
        if (value > 0xffffffff) break;
        return value;
      }
    }
    throw new DecodeError(`varint of more than 32 bits at ${this.position}`);
  }

  uuid(): string {
    const bytes = this.#bytes;
    let at = this.#take(16);
    let text = "";
    for (let index = 0; index < 16; index++) {
      if (index === 4 || index === 6 || index === 8 || index === 10) text += "-";
      text += hexOfByte[bytes[at++] ?? 0] ?? "";
    }
    return text;
  }

  /** Lengths of the four nullable kinds: −1 is null. */
  shortLength(): number {
    return this.#checkLength(this.int16());
  }

  length(): number {
    return this.#checkLength(this.int32());
  }

  compactLength(): number {
    return this.#checkLength(this.uvarint() - 1);
  }

  #checkLength(length: number): number {
    if (length < -1) throw new DecodeError(`length ${length} at ${this.position}`);
    return length;
  }

  text(length: number): string {
    const start = this.#take(length);
    return (
      (length <= asciiSizeMax ? this.#ascii(start, length) : undefined) ??
      decoder.decode(this.#bytes.subarray(start, start + length))
    );
  }

  /** Eight characters at a time: appending single ones makes a rope that costs thirty times the text. Undefined: it is not ASCII. */
  #ascii(start: number, length: number): string | undefined {
    const bytes = this.#bytes;
    const end = start + length;
    let text = "";
    let at = start;
    for (; at + 8 <= end; at += 8) {
      const [a = 0, b = 0, c = 0, d = 0] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
      const [e = 0, f = 0, g = 0, h = 0] = [bytes[at + 4], bytes[at + 5], bytes[at + 6], bytes[at + 7]];
      if (((a | b | c | d | e | f | g | h) & 0x80) !== 0) return undefined;
      text += String.fromCharCode(a, b, c, d, e, f, g, h);
    }
    for (; at < end; at++) {
      const byte = bytes[at] ?? 0;
      if (byte >= 0x80) return undefined;
      text += String.fromCharCode(byte);
    }
    return text;
  }

  /** A view of the frame. */
  view(length: number): Uint8Array {
    if (length === 0) return noBytes;
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** Refuses a count that the bytes left, or the message's allowance of elements, could not hold. */
  checkCount(count: number, elementSizeMin: number): void {
    if (count * elementSizeMin > this.remaining) throw new DecodeError(`${count} elements claimed, ${this.remaining} bytes left`);
    this.#elementsLeft -= count;
    if (this.#elementsLeft < 0) throw new DecodeError(`more than ${elementsMax} elements in one message`);
  }

  skip(size: number): void {
    this.#take(size);
  }
}
