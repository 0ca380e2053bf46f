/**
 * Where extents lie, one entry per commit that brought bytes: the object by broker, epoch and sequence (D12), or the journal row that
 * holds them inline. Twenty-eight bytes an entry, in columns (D6). An entry's place is used again once no extent refers to it, so that
 * one extent that stays for ever holds up nothing but its own.
 */
import type { ReferencedEpoch } from "../coordinator.ts";
import { indexKeys, mergedKey, segmentKey, walKey, type SegmentIdentity } from "../wal/key.ts";

type OwnSegment = Omit<SegmentIdentity, "cell"> & { readonly cell?: number };

export type Source =
  /** What a broker wrote; `atMs` is when it was committed, so how long it has waited for a merge. */
  | {
      readonly kind: "object";
      readonly brokerId: number;
      readonly brokerEpoch: number;
      readonly sequence: number;
      readonly atMs: number;
    }
  /**
   * An object of this cell alone: what was drained at a cursor (part 0), or what the merge with this claim number wrote (part 1). With a
   * `cell` it was written by that one, which is lost, and this one has taken it over.
   */
  | { readonly kind: "merged"; readonly cursor: number; readonly part: number; readonly cell?: number }
  /**
   * A partition's own object, and its indexes, which the merge with this claim number wrote; "compacted": offsets may be left out in it.
   * `cell` as above.
   */
  | ({ readonly kind: "segment" } & OwnSegment)
  | ({ readonly kind: "compacted" } & OwnSegment)
  | { readonly kind: "inline"; readonly row: number; readonly byteLength: number };

export type InlineSource = Extract<Source, { readonly kind: "inline" }>;
type SegmentSource = Extract<Source, { readonly kind: "segment" | "compacted" }>;
type RareSource = SegmentSource | Extract<Source, { readonly kind: "merged" }>;

function isSegment(source: Source): source is SegmentSource {
  return source.kind === "segment" || source.kind === "compacted";
}

/** The object that a source is; inline sources have none. */
export function keyOf(source: Exclude<Source, InlineSource>, cell: number): string {
  if (source.kind === "object") return walKey(source);
  return source.kind === "merged" ? mergedKey({ cell, ...source }) : segmentKey({ cell, ...source });
}

/** Everything that is deleted with it. */
export function keysOf(source: Exclude<Source, InlineSource>, cell: number): readonly string[] {
  const key = keyOf(source, cell);
  if (!isSegment(source)) return [key];
  const { index, timeIndex } = indexKeys(key);
  return [key, index, timeIndex];
}

/** An origin with this bit is inline: the rest is the row's bytes. */
const inlineBit = 0x80000000;
/** Stand for no broker epoch: an object of the cell itself, one of a partition. */
const mergedOrigin = inlineBit - 1;
const segmentOrigin = inlineBit - 2;
const takenOverOrigin = inlineBit - 3;
/** Origins below are those of brokers' objects. */
const ownOrigin = takenOverOrigin;

export class Sources {
  #origins = new Uint32Array(16);
  /** The object's sequence within its broker epoch, its cursor, or the journal row; of an unused entry the unused one after it. */
  #places = new Float64Array(16);
  #extents = new Uint32Array(16);
  /** Of all extents that it had at first. */
  #bytes = new Uint32Array(16);
  /** Of brokers' objects: when they were committed. */
  #times = new Float64Array(16);
  /** Entries before this one have been used. */
  #end = 0;
  #firstUnused = -1;
  /** Broker epochs that have written objects; origins name them by index. */
  readonly #brokerEpochs: { readonly brokerId: number; readonly brokerEpoch: number }[] = [];
  #inlineBytes = 0;
  #walBytes = 0;
  /** Undefined: to be looked for again. */
  #oldestWalMs: number | undefined = Number.POSITIVE_INFINITY;
  /** Brokers' objects that cannot be merged: damaged ones. Not in any row: a leader that starts again tries again. */
  readonly #setAside = new Set<number>();
  /** Since somebody last looked, extents have gone of merged objects that stay: what is left in them may be worth writing anew. */
  hasThinned = false;
  /** Segments, which are few and large, and merged objects of a lost cell. */
  readonly #rare = new Map<number, RareSource>();

  /** As it is now, whatever becomes of this one. Only to be asked what is what. */
  frozen(): Sources {
    const sources = new Sources();
    sources.#origins = this.#origins.slice(0, this.#end);
    sources.#places = this.#places.slice(0, this.#end);
    sources.#extents = this.#extents.slice(0, this.#end);
    sources.#bytes = this.#bytes.slice(0, this.#end);
    sources.#times = this.#times.slice(0, this.#end);
    sources.#end = this.#end;
    sources.#brokerEpochs.push(...this.#brokerEpochs);
    for (const [id, source] of this.#rare) sources.#rare.set(id, source);
    return sources;
  }

  /** Bytes in journal rows that an extent still refers to. */
  get inlineBytes(): number {
    return this.#inlineBytes;
  }

  /** Bytes of the cell in brokers' objects that wait for a merge; those of an object count until its last extent has gone. */
  get walBytes(): number {
    return this.#walBytes;
  }

  /** Bytes in segments, each until its last extent has gone. */
  get segmentBytes(): number {
    let bytes = 0;
    for (const [id, source] of this.#rare) if (isSegment(source)) bytes += this.#bytes[id]!;
    return bytes;
  }

  /** When the oldest object that waits for a merge was committed. */
  get oldestWalMs(): number | undefined {
    if (this.#oldestWalMs === undefined) {
      this.#oldestWalMs = Number.POSITIVE_INFINITY;
      for (const id of this.#wal()) this.#oldestWalMs = Math.min(this.#oldestWalMs, this.#times[id]!);
    }
    return this.#oldestWalMs === Number.POSITIVE_INFINITY ? undefined : this.#oldestWalMs;
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
    const narrow = this.#origins.byteLength + this.#extents.byteLength + this.#bytes.byteLength;
    return narrow + this.#places.byteLength + this.#times.byteLength;
  }

  /** For `extents` extents, at least one, of `byteLength` bytes in all. */
  add(source: Source, extents: number, byteLength: number): number {
    const id = this.nextId;
    if (id === this.#end) this.#append();
    else this.#firstUnused = this.#places[id]!;
    this.#origins[id] = this.#originOf(source);
    this.#places[id] = placeOf(source);
    this.#extents[id] = extents;
    this.#bytes[id] = byteLength;
    if (source.kind === "inline") this.#inlineBytes += source.byteLength;
    if (isRare(source)) this.#rare.set(id, source);
    if (source.kind === "object") {
      this.#times[id] = source.atMs;
      this.#walBytes += byteLength;
      if (this.#oldestWalMs !== undefined && source.atMs < this.#oldestWalMs) this.#oldestWalMs = source.atMs;
    }
    return id;
  }

  get(id: number): Source {
    if (!this.#isHeld(id)) throw new Error(`extent names source ${id}, which is gone`);
    const origin = this.#origins[id]!;
    const place = this.#places[id]!;
    if (origin >= inlineBit) return { kind: "inline", row: place, byteLength: origin - inlineBit };
    if (origin === segmentOrigin || origin === takenOverOrigin) return this.#rare.get(id)!;
    if (origin === mergedOrigin) return { kind: "merged", cursor: Math.floor(place / 2), part: place % 2 };
    return { kind: "object", ...this.#brokerEpochs[origin]!, sequence: place, atMs: this.#times[id]! };
  }

  /** Of all extents that it had at first. */
  bytesOf(id: number): number {
    return this.#bytes[id]!;
  }

  /** Of a merged object, where it was not known when that was added: what all extents had that it had at first. */
  tellBytes(id: number, byteLength: number): void {
    this.#bytes[id] = byteLength;
  }

  /** Bytes that were not told when the source was added. */
  weigh(id: number, byteLength: number): void {
    this.#bytes[id]! += byteLength;
    if (this.#origins[id]! < ownOrigin) this.#walBytes += byteLength;
  }

  kindOf(id: number): Source["kind"] {
    if (!this.#isHeld(id)) throw new Error(`extent names source ${id}, which is gone`);
    const origin = this.#origins[id]!;
    if (origin >= inlineBit) return "inline";
    if (origin < ownOrigin) return "object";
    return origin === segmentOrigin ? this.#rare.get(id)!.kind : "merged";
  }

  isSetAside(id: number): boolean {
    return this.#setAside.has(id);
  }

  /** The objects that wait for a merge, the oldest first. */
  oldestWal(): { readonly id: number; readonly extents: number; readonly byteLength: number; readonly atMs: number }[] {
    const ids = [...this.#wal()].sort(
      (left, right) => this.#times[left]! - this.#times[right]! || this.#places[left]! - this.#places[right]!,
    );
    return ids.map((id) => ({ id, extents: this.#extents[id]!, byteLength: this.#bytes[id]!, atMs: this.#times[id]! }));
  }

  /** A write-ahead object that came after the time. */
  isWalAfter(id: number, atMs: number): boolean {
    return this.#origins[id]! < ownOrigin && this.#times[id]! > atMs;
  }

  *#wal(): Iterable<number> {
    for (let id = 0; id < this.#end; id++) {
      if (this.#extents[id]! > 0 && this.#origins[id]! < ownOrigin && !this.#setAside.has(id)) yield id;
    }
  }

  /** The object cannot be merged: it no longer counts among those that wait. */
  setAside(id: number): void {
    if (!this.#isHeld(id) || this.#setAside.has(id)) return;
    this.#setAside.add(id);
    if (this.#origins[id]! < ownOrigin) this.#walBytes -= this.#bytes[id]!;
    this.#oldestWalMs = undefined;
  }

  /** The journal row that holds the source's bytes, -1 when they lie in an object. */
  inlineRowOf(id: number): number {
    if (!this.#isHeld(id)) throw new Error(`extent names source ${id}, which is gone`);
    return this.#origins[id]! >= inlineBit ? this.#places[id]! : -1;
  }

  /** An extent is gone. Answers the source when it was the last one that lay there. */
  release(id: number): Source | undefined {
    if (!this.#isHeld(id)) throw new Error(`source ${id} is given back, which is gone`);
    if (this.#extents[id]! > 1) {
      this.#extents[id]! -= 1;
      this.hasThinned ||= this.kindOf(id) === "merged";
      return undefined;
    }
    const source = this.get(id);
    if (source.kind === "object") {
      if (!this.#setAside.has(id)) this.#walBytes -= this.#bytes[id]!;
      if (source.atMs === this.#oldestWalMs) this.#oldestWalMs = undefined;
    }
    this.#setAside.delete(id);
    this.#rare.delete(id);
    this.#extents[id] = 0;
    this.#places[id] = this.#firstUnused;
    this.#firstUnused = id;
    if (source.kind === "inline") this.#inlineBytes -= source.byteLength;
    return source;
  }

  /** Of every broker epoch that an extent still refers to: the lowest sequence (D12). One pass over all sources. */
  lowestReferenced(): ReferencedEpoch[] {
    const lowest = new Map<number, number>();
    for (let id = 0; id < this.#end; id++) {
      const origin = this.#origins[id]!;
      if (this.#extents[id] === 0 || origin >= ownOrigin) continue;
      const sequence = this.#places[id]!;
      if (sequence < (lowest.get(origin) ?? Infinity)) lowest.set(origin, sequence);
    }
    return [...lowest].map(([origin, sequence]) => ({ ...this.#brokerEpochs[origin]!, sequence }));
  }

  /** Those to which an extent refers. */
  objects(): Exclude<Source, InlineSource>[] {
    const found: Exclude<Source, InlineSource>[] = [];
    for (let id = 0; id < this.#end; id++) {
      const source = this.#extents[id] === 0 ? undefined : this.get(id);
      if (source !== undefined && source.kind !== "inline") found.push(source);
    }
    return found;
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
    if (isSegment(source)) return segmentOrigin;
    if (source.kind === "object") return this.#brokerEpoch(source.brokerId, source.brokerEpoch);
    return source.cell === undefined ? mergedOrigin : takenOverOrigin;
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
    this.#bytes = grown(this.#bytes, new Uint32Array(capacity));
    this.#times = grown(this.#times, new Float64Array(capacity));
  }
}

function isRare(source: Source): source is RareSource {
  return isSegment(source) || (source.kind === "merged" && source.cell !== undefined);
}

function placeOf(source: Source): number {
  if (source.kind === "inline") return source.row;
  if (isSegment(source)) return source.cursor;
  return source.kind === "merged" ? source.cursor * 2 + source.part : source.sequence;
}

function grown<Column extends Uint32Array | Float64Array>(column: Column, larger: Column): Column {
  larger.set(column);
  return larger;
}
