/** Reads Kafka's old fixed-width forms, in which consumers encode what they tell each other through the coordinator. */
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class ByteView {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.#bytes.length - this.#position;
  }

  int16(): number {
    const value = this.#view.getInt16(this.#position);
    this.#position += 2;
    return value;
  }

  int32(): number {
    const value = this.#view.getInt32(this.#position);
    this.#position += 4;
    return value;
  }

  take(length: number): Uint8Array {
    if (length < 0 || length > this.remaining) throw new RangeError("a length beyond the end");
    this.#position += length;
    return this.#bytes.subarray(this.#position - length, this.#position);
  }

  string(): string {
    return decoder.decode(this.take(this.int16()));
  }

  /** Every element takes at least one byte: a larger count is a lie. */
  array<Item>(read: () => Item): Item[] {
    const count = this.int32();
    if (count > this.remaining) throw new RangeError("a count beyond the end");
    const items: Item[] = [];
    for (let index = 0; index < count; index++) items.push(read());
    return items;
  }
}
