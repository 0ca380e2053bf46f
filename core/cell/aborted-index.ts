/**
 * The aborted transactions of a partition by the offset of their marker, 32 bytes each: what a read_committed reader must be told of
 * the range it gets. As Kafka's transaction index, where nothing is forgotten before the log's start has passed it.
 */
import type { AbortedTransaction } from "../coordinator.ts";

const fieldCount = 4;
const field = { producerId: 0, firstOffset: 1, lastOffset: 2, lastStableOffset: 3 } as const;

export class AbortedIndex {
  #rows = new Float64Array(0);
  /** Rows before this one have been dropped. */
  #first = 0;
  #end = 0;

  get count(): number {
    return this.#end - this.#first;
  }

  get memoryBytes(): number {
    return this.#rows.byteLength;
  }

  /** As it is now, whatever becomes of this one. */
  frozen(): AbortedIndex {
    if (this.count === 0) return nothing;
    const index = new AbortedIndex();
    index.#rows = this.#rows.slice(this.#first * fieldCount, this.#end * fieldCount);
    index.#end = this.count;
    return index;
  }

  /** Last offsets ascend. `lastStableOffset`: that of the log once the transaction had ended. */
  add(producerId: number, firstOffset: number, lastOffset: number, lastStableOffset: number): void {
    if (this.#end * fieldCount === this.#rows.length) this.#makeRoom();
    this.#rows.set([producerId, firstOffset, lastOffset, lastStableOffset], this.#end * fieldCount);
    this.#end += 1;
  }

  forEach(visit: (producerId: number, firstOffset: number, lastOffset: number, lastStableOffset: number) => void): void {
    for (let row = this.#first; row < this.#end; row++) {
      const at = row * fieldCount;
      visit(this.#rows[at]!, this.#rows[at + 1]!, this.#rows[at + 2]!, this.#rows[at + 3]!);
    }
  }

  /** By first offset, as clients want them: those that end at or behind `offset` and begin before `endOffset`. */
  overlapping(offset: number, endOffset: number): AbortedTransaction[] {
    const found: AbortedTransaction[] = [];
    for (let row = this.#rowFrom(offset); row < this.#end; row++) {
      const at = row * fieldCount;
      const firstOffset = this.#rows[at + field.firstOffset]!;
      if (firstOffset < endOffset) {
        found.push({ producerId: this.#rows[at]!, firstOffset, lastOffset: this.#rows[at + field.lastOffset]! });
      }
      // What ended later began at or behind the offset that was stable then.
      if (this.#rows[at + field.lastStableOffset]! >= endOffset) break;
    }
    return found.sort((left, right) => left.firstOffset - right.firstOffset);
  }

  /** Forgets those whose markers have these offsets. */
  remove(lastOffsets: ReadonlySet<number>): void {
    let kept = this.#first;
    for (let row = this.#first; row < this.#end; row++) {
      if (lastOffsets.has(this.#rows[row * fieldCount + field.lastOffset]!)) continue;
      this.#rows.copyWithin(kept * fieldCount, row * fieldCount, (row + 1) * fieldCount);
      kept += 1;
    }
    this.#end = kept;
  }

  /** Forgets those that end before the offset. */
  dropBefore(offset: number): void {
    this.#first = this.#rowFrom(offset);
    if (this.#first === this.#end) this.#rows = new Float64Array(0);
    else if (this.#first * 2 > this.#end) this.#rows = this.#rows.slice(this.#first * fieldCount, this.#end * fieldCount);
    else return;
    this.#end -= this.#first;
    this.#first = 0;
  }

  /** The first row that ends at or behind the offset. */
  #rowFrom(offset: number): number {
    let low = this.#first;
    let high = this.#end;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#rows[middle * fieldCount + field.lastOffset]! < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #makeRoom(): void {
    const rows = new Float64Array(Math.max(4, this.count * 2) * fieldCount);
    rows.set(this.#rows.subarray(this.#first * fieldCount, this.#end * fieldCount));
    this.#rows = rows;
    this.#end -= this.#first;
    this.#first = 0;
  }
}

const nothing = new AbortedIndex();
