/**
 * Which extents lie in journal rows, oldest row first, so that a drain finds them without a look at all extents of the cell. Entries
 * whose extents have gone or moved are left where they are and passed over; they go when room is wanted.
 */
export interface InlineExtent {
  readonly row: number;
  readonly partitionId: number;
  readonly baseOffset: number;
}

type IsLive = (row: number, partitionId: number, baseOffset: number) => boolean;

export class InlineExtents {
  readonly #isLive: IsLive;
  #rows = new Float64Array(16);
  #partitions = new Uint32Array(16);
  #offsets = new Float64Array(16);
  /** Entries before this one are dead. */
  #first = 0;
  #end = 0;

  constructor(isLive: IsLive) {
    this.#isLive = isLive;
  }

  get memoryBytes(): number {
    return this.#rows.byteLength + this.#partitions.byteLength + this.#offsets.byteLength;
  }

  /** Rows never descend. */
  add(row: number, partitionId: number, baseOffset: number): void {
    if (this.#end === this.#rows.length) this.#makeRoom();
    this.#rows[this.#end] = row;
    this.#partitions[this.#end] = partitionId;
    this.#offsets[this.#end] = baseOffset;
    this.#end += 1;
  }

  /** The live ones, until `visit` answers false. */
  forEach(visit: (row: number, partitionId: number, baseOffset: number) => boolean): void {
    while (this.#first < this.#end && !this.#lives(this.#first)) this.#first += 1;
    for (let index = this.#first; index < this.#end; index++) {
      if (!this.#lives(index)) continue;
      if (!visit(this.#rows[index]!, this.#partitions[index]!, this.#offsets[index]!)) return;
    }
  }

  #lives(index: number): boolean {
    return this.#isLive(this.#rows[index]!, this.#partitions[index]!, this.#offsets[index]!);
  }

  /** Half of it is free afterwards, so every entry is moved once or twice in its life. */
  #makeRoom(): void {
    const live: number[] = [];
    for (let index = this.#first; index < this.#end; index++) if (this.#lives(index)) live.push(index);
    const capacity = Math.max(16, live.length * 2);
    const from = [this.#rows, this.#partitions, this.#offsets] as const;
    this.#rows = new Float64Array(capacity);
    this.#partitions = new Uint32Array(capacity);
    this.#offsets = new Float64Array(capacity);
    for (const [to, index] of live.entries()) {
      this.#rows[to] = from[0][index]!;
      this.#partitions[to] = from[1][index]!;
      this.#offsets[to] = from[2][index]!;
    }
    this.#first = 0;
    this.#end = live.length;
  }
}
