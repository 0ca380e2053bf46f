/**
 * Writes Kafka's primitive types into one growing buffer. Large byte arrays are not copied into it: the writer notes where they
 * belong, and `finish` answers the message as a list of chunks with the caller's own views in their places.
 */
import type { Pieces } from "./schema.ts";

/** From this size on a chunk of its own is cheaper than a copy. */
const separateBytesMin = 1024;
/** A buffer that one giant response blew up is not kept for the next. */
const keptBytesMax = 1024 * 1024;

const encoder = new TextEncoder();

const hyphen = 0x2d;
const notHex = 0xff;
const nibbleOfCode = Uint8Array.from({ length: 128 }, (_, code) => {
  const nibble = Number.parseInt(String.fromCharCode(code), 16);
  return Number.isNaN(nibble) ? notHex : nibble;
});

export class EncodeError extends Error {
  override readonly name = "EncodeError";
}

export class Writer {
  #bytes = new Uint8Array(4096);
  #view = new DataView(this.#bytes.buffer);
  #position = 0;
  readonly #separate: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  #separateSize = 0;
  #tagDepth = 0;

  /** A writer is used again and again: one message at a time, from reset to finish. */
  reset(): void {
    this.#position = 0;
    this.#separate.length = 0;
    this.#separateSize = 0;
    this.#tagDepth = 0;
    if (this.#bytes.byteLength > keptBytesMax) this.#replace(new Uint8Array(4096));
  }

  /** Bytes written so far, those that travel apart included. */
  get size(): number {
    return this.#position + this.#separateSize;
  }

  #replace(bytes: Uint8Array<ArrayBuffer>): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }

  #take(size: number): number {
    const start = this.#position;
    this.#position = start + size;
    if (this.#position > this.#bytes.byteLength) {
      const grown = new Uint8Array(Math.max(this.#position, this.#bytes.byteLength * 2));
      grown.set(this.#bytes.subarray(0, start));
      this.#replace(grown);
    }
    return start;
  }

  bool(value: boolean): void {
    this.int8(value ? 1 : 0);
  }

  // The offset is taken in a statement of its own: taking may replace the view.
  int8(value: number): void {
    const at = this.#take(1);
    this.#view.setInt8(at, value);
  }

  int16(value: number): void {
    const at = this.#take(2);
    this.#view.setInt16(at, value);
  }

  int32(value: number): void {
    const at = this.#take(4);
    this.#view.setInt32(at, value);
  }

  int64(value: bigint): void {
    const at = this.#take(8);
    this.#view.setBigInt64(at, value);
  }

  float64(value: number): void {
    const at = this.#take(8);
    this.#view.setFloat64(at, value);
  }

  uvarint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.int8((rest & 0x7f) | 0x80);
      rest = Math.floor(rest / 128);
    }
    this.int8(rest);
  }

  uuid(value: string): void {
    const start = this.#take(16);
    const bytes = this.#bytes;
    let digits = 0;
    for (let index = 0; index < value.length; index++) {
      const code = value.charCodeAt(index);
      if (code === hyphen) continue;
      const nibble = nibbleOfCode[code] ?? notHex;
      if (nibble === notHex || digits === 32) throw new EncodeError(`not a uuid: ${value}`);
      const at = start + (digits >> 1);
      bytes[at] = (digits & 1) === 0 ? nibble << 4 : (bytes[at] ?? 0) | nibble;
      digits++;
    }
    if (digits !== 32) throw new EncodeError(`not a uuid: ${value}`);
  }

  /** Text with its length before it: a varint of length + 1 when compact, else an int16. */
  text(value: string, compact: boolean): void {
    const length = value.length;
    const start = this.#position;
    this.#textLength(length, compact);
    let at = this.#take(length);
    const bytes = this.#bytes;
    for (let index = 0; index < length; index++) {
      const code = value.charCodeAt(index);
      if (code >= 0x80) {
        this.#position = start;
        this.#encodedText(encoder.encode(value), compact);
        return;
      }
      bytes[at++] = code;
    }
  }

  #encodedText(encoded: Uint8Array, compact: boolean): void {
    this.#textLength(encoded.byteLength, compact);
    const at = this.#take(encoded.byteLength);
    this.#bytes.set(encoded, at);
  }

  #textLength(length: number, compact: boolean): void {
    if (compact) this.uvarint(length + 1);
    else if (length > 0x7fff) throw new EncodeError(`a string of ${length} bytes does not fit its length`);
    else this.int16(length);
  }

  length(length: number, compact: boolean): void {
    if (compact) this.uvarint(length + 1);
    else this.int32(length);
  }

  /** Bytes with their length before them; pieces become one. */
  bytes(value: Pieces, compact: boolean): void {
    if (value instanceof Uint8Array) {
      this.length(value.byteLength, compact);
      this.#raw(value);
      return;
    }
    let size = 0;
    for (const piece of value) size += piece.byteLength;
    this.length(size, compact);
    for (const piece of value) this.#raw(piece);
  }

  #raw(bytes: Uint8Array): void {
    if (bytes.byteLength >= separateBytesMin && this.#tagDepth === 0) {
      this.#separate.push({ at: this.#position, bytes });
      this.#separateSize += bytes.byteLength;
      return;
    }
    const at = this.#take(bytes.byteLength);
    this.#bytes.set(bytes, at);
  }

  /** One tagged field: its number, its size, its content. The size is known last, so the content moves up to make room. */
  tagged(tag: number, write: () => void): void {
    this.uvarint(tag);
    const start = this.#position;
    this.#tagDepth++;
    write();
    this.#tagDepth--;
    const size = this.#position - start;
    this.uvarint(size);
    const prefixSize = this.#position - start - size;
    this.#bytes.copyWithin(start + prefixSize, start, start + size);
    this.#position = start;
    this.uvarint(size);
    this.#position = start + prefixSize + size;
  }

  /** Writes over four bytes that were left for it. */
  patchInt32(at: number, value: number): void {
    this.#view.setInt32(at, value);
  }

  /** The message in chunks; the writer may then be used for another. */
  finish(): Uint8Array[] {
    const own = this.#bytes.slice(0, this.#position);
    if (this.#separate.length === 0) return [own];
    const chunks: Uint8Array[] = [];
    let from = 0;
    for (const { at, bytes } of this.#separate) {
      if (at > from) chunks.push(own.subarray(from, at));
      chunks.push(bytes);
      from = at;
    }
    if (from < own.byteLength) chunks.push(own.subarray(from));
    // Not kept alive until the next message.
    this.#separate.length = 0;
    return chunks;
  }
}
