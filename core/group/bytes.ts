/**
 * The value forms of a group's rows, over those of a leader's rows: text that comes back as the client sent it, lists, what may be
 * missing. Rows are ours, so one that ends early or lies about a length is damage and throws.
 */
import { PackedReader, PackedWriter } from "../cell/packed-bytes.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The integers that a row can hold go from -intMax to intMax. */
export const intMax = 2 ** 52 - 1;

export class ByteWriter {
  readonly #packed = new PackedWriter();

  int(value: number): this {
    this.#packed.int(value);
    return this;
  }

  bytes(value: Uint8Array): this {
    this.#packed.bytes(value);
    return this;
  }

  string(value: string): this {
    return this.bytes(encoder.encode(value));
  }

  nullableString(value: string | null): this {
    return value === null ? this.int(0) : this.int(1).string(value);
  }

  list<Item>(items: Iterable<Item>, count: number, write: (item: Item) => void): this {
    this.#packed.uint(count);
    for (const item of items) write(item);
    return this;
  }

  finish(): Uint8Array {
    return this.#packed.finish();
  }
}

export class ByteReader {
  readonly #packed: PackedReader;

  constructor(buffer: Uint8Array) {
    this.#packed = new PackedReader(buffer);
  }

  get atEnd(): boolean {
    return this.#packed.atEnd;
  }

  int(): number {
    return this.#packed.int();
  }

  /** A copy: what a member keeps for long must not keep the whole row. */
  bytes(): Uint8Array {
    return this.#packed.bytes().slice();
  }

  string(): string {
    return decoder.decode(this.#packed.bytes());
  }

  nullableString(): string | null {
    return this.int() === 0 ? null : this.string();
  }

  list<Item>(read: () => Item): Item[] {
    const count = this.#packed.uint();
    const items: Item[] = [];
    for (let index = 0; index < count; index++) items.push(read());
    return items;
  }
}
