/**
 * Where extents lie, one entry per commit that brought bytes: the object by broker, epoch and sequence (D12), or the journal row that
 * holds them inline. Extents name an entry by a number that never means another one. Twelve bytes an entry, in columns (D6); entries
 * that nothing refers to are forgotten once all older ones are.
 */
export type Source =
  | { readonly kind: "object"; readonly brokerId: number; readonly brokerEpoch: number; readonly sequence: number }
  | { readonly kind: "inline"; readonly row: number; readonly byteLength: number };

export interface HeldSource {
  readonly id: number;
  readonly source: Source;
  readonly extents: number;
}

const inlineOrigin = 0xffffffff;

export class Sources {
  /** The id of the first entry in the columns. */
  #first = 0;
  #next = 0;
  #origins = new Uint32Array(16);
  /** The object's sequence within its broker epoch, or the journal row. */
  #places = new Uint32Array(16);
  #extents = new Uint32Array(16);
  /** Broker epochs that have written objects; columns name them by index. */
  readonly #brokerEpochs: { readonly brokerId: number; readonly brokerEpoch: number }[] = [];
  readonly #inlineLengths = new Map<number, number>();
  #inlineBytes = 0;
  /** Entries at the beginning of the columns that nothing refers to. */
  #unused = 0;

  /** Bytes in journal rows that an extent still refers to. */
  get inlineBytes(): number {
    return this.#inlineBytes;
  }

  get nextId(): number {
    return this.#next;
  }

  get memoryBytes(): number {
    return this.#origins.byteLength + this.#places.byteLength + this.#extents.byteLength;
  }

  /** Numbers are not used again, also not after a restart. */
  restoreNextId(next: number): void {
    while (this.#next < next) this.#push(0, 0, 0);
    this.#trim();
  }

  add(source: Source, extents: number): void {
    if (source.kind === "inline") {
      this.#inlineLengths.set(source.row, source.byteLength);
      this.#inlineBytes += source.byteLength;
      this.#push(inlineOrigin, source.row, extents);
    } else this.#push(this.#origin(source.brokerId, source.brokerEpoch), source.sequence, extents);
  }

  /** In ascending order of ids, as `entries` gives them. */
  restore({ id, source, extents }: HeldSource): void {
    if (this.#next === this.#first) this.#first = this.#next = id;
    while (this.#next < id) this.#push(0, 0, 0);
    this.add(source, extents);
  }

  get(id: number): Source {
    const at = id - this.#first;
    if (at < 0 || id >= this.#next || this.#extents[at] === 0) throw new Error(`extent names source ${id}, which is gone`);
    const place = this.#places[at]!;
    if (this.#origins[at] === inlineOrigin) return { kind: "inline", row: place, byteLength: this.#inlineLengths.get(place)! };
    return { kind: "object", ...this.#brokerEpochs[this.#origins[at]!]!, sequence: place };
  }

  /** An extent is gone. Answers the journal row whose inline bytes nobody needs any more. */
  release(id: number): number | undefined {
    const at = id - this.#first;
    this.#extents[at]! -= 1;
    if (this.#extents[at]! > 0) return undefined;
    const row = this.#origins[at] === inlineOrigin ? this.#places[at] : undefined;
    if (row !== undefined) {
      this.#inlineBytes -= this.#inlineLengths.get(row)!;
      this.#inlineLengths.delete(row);
    }
    this.#trim();
    return row;
  }

  *entries(): Generator<HeldSource> {
    for (let id = this.#first; id < this.#next; id++) {
      const extents = this.#extents[id - this.#first]!;
      if (extents > 0) yield { id, source: this.get(id), extents };
    }
  }

  #origin(brokerId: number, brokerEpoch: number): number {
    for (let index = this.#brokerEpochs.length - 1; index >= 0; index--) {
      const known = this.#brokerEpochs[index]!;
      if (known.brokerId === brokerId && known.brokerEpoch === brokerEpoch) return index;
    }
    return this.#brokerEpochs.push({ brokerId, brokerEpoch }) - 1;
  }

  #push(origin: number, place: number, extents: number): void {
    const at = this.#next - this.#first;
    if (at === this.#origins.length) this.#resize(at + Math.max(16, at >>> 3), 0);
    this.#origins[at] = origin;
    this.#places[at] = place;
    this.#extents[at] = extents;
    this.#next += 1;
  }

  /** Gives up the oldest entries once half of the columns is unused. The mark only moves on, so that freeing many stays cheap. */
  #trim(): void {
    const count = this.#next - this.#first;
    while (this.#unused < count && this.#extents[this.#unused] === 0) this.#unused += 1;
    if (this.#unused < 16 || this.#unused < count / 2) return;
    this.#resize(Math.max(16, count - this.#unused), this.#unused);
    this.#first += this.#unused;
    this.#unused = 0;
  }

  #resize(capacity: number, from: number): void {
    const count = this.#next - this.#first;
    const copy = (column: Uint32Array): Uint32Array<ArrayBuffer> => {
      const larger = new Uint32Array(capacity);
      larger.set(column.subarray(from, count));
      return larger;
    };
    this.#origins = copy(this.#origins);
    this.#places = copy(this.#places);
    this.#extents = copy(this.#extents);
  }
}
