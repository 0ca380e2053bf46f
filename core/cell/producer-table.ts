/**
 * The producers of one partition in rows of 136 bytes: ten thousand of them cost less than two megabytes, and what has expired gives its
 * memory back. Plain storage; what may be appended is judged in producers.ts. A row's number is good until the next removal.
 */

/** A row is as many 64-bit cells; some of them are two 32-bit halves. */
const rowCells = 17;
const cell = { producerId: 0, lastUsedMs: 1, endedGeneration: 2, openGeneration: 3, firstOffset: 4, baseOffsets: 7 } as const;
const half = { epoch: 10, coordinatorEpoch: 11, batchCount: 12, resumes: 13, sequences: 24 } as const;

export const batchesKept = 5;
const rowsLeast = 2;

export interface KeptBatch {
  readonly baseSequence: number;
  readonly offsetCount: number;
  readonly baseOffset: number;
}

export class ProducerTable {
  #cells = new Float64Array(0);
  #halves = new Uint32Array(0);
  #count = 0;
  readonly #rows = new Map<number, number>();

  get count(): number {
    return this.#count;
  }

  get memoryBytes(): number {
    return this.#cells.byteLength;
  }

  /** -1: nobody knows the producer. */
  rowOf(producerId: number): number {
    return this.#rows.get(producerId) ?? -1;
  }

  producerId(row: number): number {
    return this.#cells[row * rowCells + cell.producerId]!;
  }

  epoch(row: number): number {
    return this.#halves[row * rowCells * 2 + half.epoch]!;
  }

  lastUsedMs(row: number): number {
    return this.#cells[row * rowCells + cell.lastUsedMs]!;
  }

  /** The highest transaction whose marker is in the log; 0: none. */
  endedGeneration(row: number): number {
    return this.#cells[row * rowCells + cell.endedGeneration]!;
  }

  /** 0: no transaction is open. */
  openGeneration(row: number): number {
    return this.#cells[row * rowCells + cell.openGeneration]!;
  }

  /** Of the open transaction. */
  firstOffset(row: number): number {
    return this.#cells[row * rowCells + cell.firstOffset]!;
  }

  /** -1: no marker has been written. */
  coordinatorEpoch(row: number): number {
    return this.#halves[row * rowCells * 2 + half.coordinatorEpoch]! - 1;
  }

  batchCount(row: number): number {
    return this.#halves[row * rowCells * 2 + half.batchCount]!;
  }

  /** Its newest batches may be lost: the next one may have any sequence. */
  resumes(row: number): boolean {
    return this.#halves[row * rowCells * 2 + half.resumes] === 1;
  }

  /** Until its next batch. */
  letResume(row: number): void {
    this.#halves[row * rowCells * 2 + half.resumes] = 1;
  }

  /** The oldest is 0. */
  batch(row: number, index: number): KeptBatch {
    const at = row * rowCells * 2 + half.sequences + index * 2;
    const baseOffset = this.#cells[row * rowCells + cell.baseOffsets + index]!;
    return { baseSequence: this.#halves[at]!, offsetCount: this.#halves[at + 1]!, baseOffset };
  }

  /** Where the batch was appended that has this sequence and count; -1 when none of those kept has. */
  offsetOf(row: number, baseSequence: number, offsetCount: number): number {
    const first = row * rowCells * 2 + half.sequences;
    for (let index = this.batchCount(row) - 1; index >= 0; index--) {
      const at = first + index * 2;
      if (this.#halves[at] === baseSequence && this.#halves[at + 1] === offsetCount) {
        return this.#cells[row * rowCells + cell.baseOffsets + index]!;
      }
    }
    return -1;
  }

  /** The row of a producer who begins, at this epoch; whatever was known of it is forgotten. */
  begin(producerId: number, epoch: number): number {
    let row = this.rowOf(producerId);
    if (row < 0) {
      row = this.#count;
      if ((row + 1) * rowCells > this.#cells.length) this.#resize(Math.max(rowsLeast, row * 2));
      this.#count += 1;
      this.#rows.set(producerId, row);
    }
    this.#cells.fill(0, row * rowCells, (row + 1) * rowCells);
    this.#cells[row * rowCells + cell.producerId] = producerId;
    this.#halves[row * rowCells * 2 + half.epoch] = epoch;
    return row;
  }

  /** Another table's row, as it is now. */
  copy(from: ProducerTable, row: number): number {
    const own = this.begin(from.producerId(row), 0);
    this.#cells.set(from.#cells.subarray(row * rowCells, (row + 1) * rowCells), own * rowCells);
    return own;
  }

  touch(row: number, nowMs: number): void {
    this.#cells[row * rowCells + cell.lastUsedMs] = nowMs;
  }

  /** Sequences of another epoch mean nothing any more. */
  raiseEpoch(row: number, epoch: number): void {
    const at = row * rowCells * 2;
    this.#halves[at + half.epoch] = epoch;
    this.#halves[at + half.batchCount] = 0;
    this.#halves[at + half.resumes] = 0;
  }

  addBatch(row: number, baseSequence: number, offsetCount: number, baseOffset: number): void {
    let index = this.batchCount(row);
    this.#halves[row * rowCells * 2 + half.resumes] = 0;
    const offsets = row * rowCells + cell.baseOffsets;
    const sequences = row * rowCells * 2 + half.sequences;
    if (index === batchesKept) {
      this.#cells.copyWithin(offsets, offsets + 1, offsets + batchesKept);
      this.#halves.copyWithin(sequences, sequences + 2, sequences + 2 * batchesKept);
      index -= 1;
    } else this.#halves[row * rowCells * 2 + half.batchCount] = index + 1;
    this.#cells[offsets + index] = baseOffset;
    this.#halves[sequences + index * 2] = baseSequence;
    this.#halves[sequences + index * 2 + 1] = offsetCount;
  }

  openTransaction(row: number, generation: number, firstOffset: number): void {
    this.#cells[row * rowCells + cell.openGeneration] = generation;
    this.#cells[row * rowCells + cell.firstOffset] = firstOffset;
  }

  endTransaction(row: number, generation: number, coordinatorEpoch: number): void {
    this.openTransaction(row, 0, 0);
    this.#cells[row * rowCells + cell.endedGeneration] = generation;
    this.#halves[row * rowCells * 2 + half.coordinatorEpoch] = coordinatorEpoch + 1;
  }

  /** Removes all that `isGone` says, and gives memory back when most of it is unused. */
  removeWhere(isGone: (row: number) => boolean): void {
    for (let row = this.#count - 1; row >= 0; row--) if (isGone(row)) this.#remove(row);
    if (this.#count * rowCells * 4 < this.#cells.length) this.#resize(this.#count === 0 ? 0 : Math.max(rowsLeast, this.#count * 2));
  }

  /** The last row takes its place. */
  #remove(row: number): void {
    this.#rows.delete(this.producerId(row));
    this.#count -= 1;
    if (row === this.#count) return;
    this.#cells.copyWithin(row * rowCells, this.#count * rowCells, (this.#count + 1) * rowCells);
    this.#rows.set(this.producerId(row), row);
  }

  #resize(rows: number): void {
    const cells = new Float64Array(rows * rowCells);
    cells.set(this.#cells.subarray(0, Math.min(this.#count, rows) * rowCells));
    this.#cells = cells;
    this.#halves = new Uint32Array(cells.buffer);
  }
}
