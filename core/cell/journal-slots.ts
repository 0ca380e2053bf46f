/**
 * Which row of the journal's table holds which change. A row that nobody needs any more is written over by a later change instead of
 * being deleted: each of both would be a row written, and rows are what a leader costs (D6). What is free is kept within a byte limit,
 * beyond which it is deleted after all. Nothing of this is durable: the rows themselves say which change they hold.
 */

/** Records that were deleted rest this long in rows that wait for their next use. */
const freeBytesMax = 8 * 1024 * 1024;
/** What a row weighs beside its bytes. */
const rowBytes = 64;

interface FreeSlot {
  readonly slot: number;
  readonly bytes: number;
}

export interface SlotChoice {
  readonly slot: number;
  /** A row is there already. */
  readonly isUsed: boolean;
}

export class JournalSlots {
  /** By ascending sequence. */
  #sequences = new Float64Array(64);
  /** 0: given back. Slots count from 1. */
  #slots = new Uint32Array(64);
  #bytes = new Uint32Array(64);
  #inline = new Uint8Array(64);
  #end = 0;
  #held = 0;
  readonly #free: FreeSlot[] = [];
  #freeBytes = 0;
  #nextSlot = 1;

  get heldCount(): number {
    return this.#held;
  }

  get freeCount(): number {
    return this.#free.length;
  }

  /** A row that is there at the start, held until it is released; sequences ascend. */
  load(slot: number, sequence: number, bytes: number, isInline: boolean): void {
    this.#nextSlot = Math.max(this.#nextSlot, slot + 1);
    this.#push(sequence, slot, bytes, isInline);
  }

  /** Where the next change goes. */
  take(sequence: number, bytes: number, isInline: boolean): SlotChoice {
    const free = this.#free.pop();
    if (free !== undefined) this.#freeBytes -= free.bytes;
    const slot = free?.slot ?? this.#nextSlot++;
    this.#push(sequence, slot, bytes, isInline);
    return { slot, isUsed: free !== undefined };
  }

  slotOf(sequence: number): number {
    const index = this.#indexOf(sequence);
    if (index < 0) throw new Error(`journal row ${sequence} is not held`);
    return this.#slots[index]!;
  }

  /** Nobody needs the row any more. One that is not held has been released before. */
  release(sequence: number): void {
    const index = this.#indexOf(sequence);
    if (index >= 0) this.#releaseAt(index);
  }

  /** A snapshot covers all changes up to this one: those without inline records are needed no more. */
  covered(upTo: number): void {
    for (let index = 0; index < this.#end && this.#sequences[index]! <= upTo; index++) {
      if (this.#slots[index] !== 0 && this.#inline[index] === 0) this.#releaseAt(index);
    }
  }

  /** Free rows beyond what may wait, to be deleted; at most `max`. */
  takeSurplus(max: number): readonly number[] {
    let count = 0;
    while (this.#freeBytes > freeBytesMax && count < this.#free.length && count < max) {
      this.#freeBytes -= this.#free[count]!.bytes;
      count += 1;
    }
    return this.#free.splice(0, count).map(({ slot }) => slot);
  }

  #releaseAt(index: number): void {
    const bytes = this.#bytes[index]! + rowBytes;
    this.#free.push({ slot: this.#slots[index]!, bytes });
    this.#freeBytes += bytes;
    this.#slots[index] = 0;
    this.#held -= 1;
  }

  #indexOf(sequence: number): number {
    let low = 0;
    let high = this.#end;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#sequences[middle]! < sequence) low = middle + 1;
      else high = middle;
    }
    return low < this.#end && this.#sequences[low] === sequence && this.#slots[low] !== 0 ? low : -1;
  }

  #push(sequence: number, slot: number, bytes: number, isInline: boolean): void {
    if (this.#end === this.#sequences.length) this.#makeRoom();
    this.#sequences[this.#end] = sequence;
    this.#slots[this.#end] = slot;
    this.#bytes[this.#end] = bytes;
    this.#inline[this.#end] = isInline ? 1 : 0;
    this.#end += 1;
    this.#held += 1;
  }

  /** Half of it is free afterwards. */
  #makeRoom(): void {
    const from = [this.#sequences, this.#slots, this.#bytes, this.#inline] as const;
    const capacity = Math.max(64, this.#held * 2);
    this.#sequences = new Float64Array(capacity);
    this.#slots = new Uint32Array(capacity);
    this.#bytes = new Uint32Array(capacity);
    this.#inline = new Uint8Array(capacity);
    let to = 0;
    for (let index = 0; index < this.#end; index++) {
      if (from[1][index] === 0) continue;
      this.#sequences[to] = from[0][index]!;
      this.#slots[to] = from[1][index]!;
      this.#bytes[to] = from[2][index]!;
      this.#inline[to] = from[3][index]!;
      to += 1;
    }
    this.#end = to;
  }
}
