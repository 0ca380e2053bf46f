/**
 * Where extents lie, one entry per commit that brought bytes: the object by broker, epoch and sequence (D12), or the journal row that
 * holds them inline. Sixteen bytes an entry, in columns (D6). An entry's place is used again once no extent refers to it, so that
 * one extent that stays for ever holds up nothing but its own.
 */
export type Source =
  | { readonly kind: "object"; readonly brokerId: number; readonly brokerEpoch: number; readonly sequence: number }
  /** An object of this cell alone, named by the cursor that it was planned at. */
  | { readonly kind: "merged"; readonly cursor: number }
  | { readonly kind: "inline"; readonly row: number; readonly byteLength: number };

export type InlineSource = Extract<Source, { readonly kind: "inline" }>;

/** An origin with this bit is inline: the rest is the row's bytes. */
const inlineBit = 0x80000000;
/** Stands for no broker epoch: an object of the cell itself. */
const mergedOrigin = inlineBit - 1;

export class Sources {
  #origins = new Uint32Array(16);
  /** The object's sequence within its broker epoch, its cursor, or the journal row; of an unused entry the unused one after it. */
  #places = new Float64Array(16);
  #extents = new Uint32Array(16);
  /** Entries before this one have been used. */
  #end = 0;
  #firstUnused = -1;
  /** Broker epochs that have written objects; origins name them by index. */
  readonly #brokerEpochs: { readonly brokerId: number; readonly brokerEpoch: number }[] = [];
  #inlineBytes = 0;

  /** Bytes in journal rows that an extent still refers to. */
  get inlineBytes(): number {
    return this.#inlineBytes;
  }

  /** What the next entry will be called. */
  get nextId(): number {
    return this.#firstUnused < 0 ? this.#end : this.#firstUnused;
  }

  /** All ids are below. */
  get idLimit(): number {
    return this.#end;
  }

  get memoryBytes(): number {
    return this.#origins.byteLength + this.#places.byteLength + this.#extents.byteLength;
  }

  /** For `extents` extents, at least one. */
  add(source: Source, extents: number): number {
    const id = this.nextId;
    if (id === this.#end) this.#append();
    else this.#firstUnused = this.#places[id]!;
    this.#origins[id] = this.#originOf(source);
    this.#places[id] = placeOf(source);
    this.#extents[id] = extents;
    if (source.kind === "inline") this.#inlineBytes += source.byteLength;
    return id;
  }

  get(id: number): Source {
    if (!this.#isHeld(id)) throw new Error(`extent names source ${id}, which is gone`);
    const origin = this.#origins[id]!;
    const place = this.#places[id]!;
    if (origin >= inlineBit) return { kind: "inline", row: place, byteLength: origin - inlineBit };
    if (origin === mergedOrigin) return { kind: "merged", cursor: place };
    return { kind: "object", ...this.#brokerEpochs[origin]!, sequence: place };
  }

  /** The journal row that holds the source's bytes, -1 when they lie in an object. */
  inlineRowOf(id: number): number {
    if (!this.#isHeld(id)) throw new Error(`extent names source ${id}, which is gone`);
    return this.#origins[id]! >= inlineBit ? this.#places[id]! : -1;
  }

  /** An extent is gone. Answers the source whose inline bytes nobody needs any more. */
  release(id: number): InlineSource | undefined {
    if (!this.#isHeld(id)) throw new Error(`source ${id} is given back, which is gone`);
    this.#extents[id]! -= 1;
    if (this.#extents[id]! > 0) return undefined;
    const origin = this.#origins[id]!;
    const row = this.#places[id]!;
    this.#places[id] = this.#firstUnused;
    this.#firstUnused = id;
    if (origin < inlineBit) return undefined;
    const byteLength = origin - inlineBit;
    this.#inlineBytes -= byteLength;
    return { kind: "inline", row, byteLength };
  }

  /** The journal rows that an extent still reads. */
  inlineRows(): Set<number> {
    const rows = new Set<number>();
    for (let id = 0; id < this.#end; id++) {
      if (this.#extents[id]! > 0 && this.#origins[id]! >= inlineBit) rows.add(this.#places[id]!);
    }
    return rows;
  }

  #isHeld(id: number): boolean {
    return id < this.#end && this.#extents[id]! > 0;
  }

  #originOf(source: Source): number {
    if (source.kind === "inline") return inlineBit | source.byteLength;
    return source.kind === "merged" ? mergedOrigin : this.#brokerEpoch(source.brokerId, source.brokerEpoch);
  }

  #brokerEpoch(brokerId: number, brokerEpoch: number): number {
    for (let index = this.#brokerEpochs.length - 1; index >= 0; index--) {
      const known = this.#brokerEpochs[index]!;
      if (known.brokerId === brokerId && known.brokerEpoch === brokerEpoch) return index;
    }
    return this.#brokerEpochs.push({ brokerId, brokerEpoch }) - 1;
  }

  #append(): void {
    const count = this.#end;
    this.#end += 1;
    if (count < this.#origins.length) return;
    const capacity = count + Math.max(16, count >>> 3);
    this.#origins = grown(this.#origins, new Uint32Array(capacity));
    this.#places = grown(this.#places, new Float64Array(capacity));
    this.#extents = grown(this.#extents, new Uint32Array(capacity));
  }
}

function placeOf(source: Source): number {
  if (source.kind === "inline") return source.row;
  return source.kind === "merged" ? source.cursor : source.sequence;
}

function grown<Column extends Uint32Array | Float64Array>(column: Column, larger: Column): Column {
  larger.set(column);
  return larger;
}
