/**
 * The few value forms of a group's rows: variable length integers up to 2^53, strings, byte strings. Rows are small and rare
 * compared with record data, so this favours plainness; a row that ends early or lies about a length throws RangeError.
 */
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class ByteWriter {
  #buffer = new Uint8Array(256);
  #length = 0;

  #reserve(extra: number): void {
    const needed = this.#length + extra;
    if (needed <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#buffer.length * 2));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }

  /** A safe integer of either sign; zigzag, so that -1 takes one byte. */
  int(value: number): this {
    this.#reserve(8);
    let rest = value < 0 ? -value * 2 - 1 : value * 2;
    while (rest >= 0x80) {
      this.#buffer[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#buffer[this.#length++] = rest;
    return this;
  }

  bytes(value: Uint8Array): this {
    this.int(value.length);
    this.#reserve(value.length);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  string(value: string): this {
    return this.bytes(encoder.encode(value));
  }

  nullableString(value: string | null): this {
    return value === null ? this.int(0) : this.int(1).string(value);
  }

  list<Item>(items: Iterable<Item>, count: number, write: (item: Item) => void): this {
    this.int(count);
    for (const item of items) write(item);
    return this;
  }

  finish(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }
}

export class ByteReader {
  readonly #buffer: Uint8Array;
  #position = 0;

  constructor(buffer: Uint8Array) {
    this.#buffer = buffer;
  }

  int(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.#buffer[this.#position++];
      if (byte === undefined || scale > 2 ** 49) throw new RangeError("bad integer in a group row");
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
      scale *= 0x80;
    }
    return value % 2 === 1 ? -(value + 1) / 2 : value / 2;
  }

  bytes(): Uint8Array {
    const length = this.int();
    const end = this.#position + length;
    if (length < 0 || end > this.#buffer.length) throw new RangeError("bad length in a group row");
    const value = this.#buffer.slice(this.#position, end);
    this.#position = end;
    return value;
  }

  string(): string {
    return decoder.decode(this.bytes());
  }

  nullableString(): string | null {
    return this.int() === 0 ? null : this.string();
  }

  list<Item>(read: () => Item): Item[] {
    const count = this.int();
    const items: Item[] = [];
    for (let index = 0; index < count; index++) items.push(read());
    return items;
  }
}
