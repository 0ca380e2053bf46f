/**
 * The producers of one partition in rows of 136 bytes: ten thousand of them cost less than two megabytes, and what has expired gives its
 * memory back. Plain storage; what may be appended is judged in producers.ts. A row's number is good until the next removal.
 */
import { RowPages, type Block } from "./row-pages.ts";

/** A row is as many 64-bit cells; some of them are two 32-bit halves. */
const rowCells = 17;
const cell = { producerId: 0, lastUsedMs: 1, endedGeneration: 2, openGeneration: 3, firstOffset: 4, baseOffsets: 7 } as const;
const half = { epoch: 10, coordinatorEpoch: 11, batchCount: 12, resumes: 13, sequences: 24 } as const;

export const batchesKept = 5;
/** Most partitions have one producer. */
const rowsLeast = 1;
/** So few are found sooner by looking at all of them than in a map. */
const rowsWithoutMap = 8;

export interface KeptBatch {
  readonly baseSequence: number;
  readonly offsetCount: number;
  readonly baseOffset: number;
}

const nothing = new Float64Array(0);
const nothingInHalves = new Uint32Array(0);

export class ProducerTable {
  readonly #pages: RowPages;
  #block: Block | undefined;
  /** Those of the block's page. */
  #cells: Float64Array = nothing;
  #halves: Uint32Array = nothingInHalves;
  /** The first row's. */
  #start = 0;
  #count = 0;
  /** Where there are more than `rowsWithoutMap`. */
  #rows: Map<number, number> | undefined;

  /** Tables of one cell share their pages. */
  constructor(pages: RowPages = new RowPages()) {
    this.#pages = pages;
  }

  get count(): number {
    return this.#count;
  }

  /** Of those that have a transaction open. */
  get openCount(): number {
    let count = 0;
    for (let row = 0; row < this.#count; row++) if (this.openGeneration(row) > 0) count += 1;
    return count;
  }

  get memoryBytes(): number {
    return (this.#block?.cells ?? 0) * Float64Array.BYTES_PER_ELEMENT;
  }

  /** -1: nobody knows the producer. */
  rowOf(producerId: number): number {
    if (this.#rows !== undefined) return this.#rows.get(producerId) ?? -1;
    for (let row = 0; row < this.#count; row++) if (this.producerId(row) === producerId) return row;
    return -1;
  }

  #cellOf(row: number): number {
    return this.#start + row * rowCells;
  }

  #halfOf(row: number): number {
    return (this.#start + row * rowCells) * 2;
  }

  producerId(row: number): number {
    return this.#cells[this.#cellOf(row) + cell.producerId]!;
  }

  epoch(row: number): number {
    return this.#halves[this.#halfOf(row) + half.epoch]!;
  }

  lastUsedMs(row: number): number {
    return this.#cells[this.#cellOf(row) + cell.lastUsedMs]!;
  }

  /** The highest transaction whose marker is in the log; 0: none. */
  endedGeneration(row: number): number {
    return this.#cells[this.#cellOf(row) + cell.endedGeneration]!;
  }

  /** 0: no transaction is open. */
  openGeneration(row: number): number {
    return this.#cells[this.#cellOf(row) + cell.openGeneration]!;
  }

  /** Of the open transaction. */
  firstOffset(row: number): number {
    return this.#cells[this.#cellOf(row) + cell.firstOffset]!;
  }

  /** -1: no marker has been written. */
  coordinatorEpoch(row: number): number {
    return this.#halves[this.#halfOf(row) + half.coordinatorEpoch]! - 1;
  }

  batchCount(row: number): number {
    return this.#halves[this.#halfOf(row) + half.batchCount]!;
  }

  /** Its newest batches may be lost: the next one may have any sequence. */
  resumes(row: number): boolean {
    return this.#halves[this.#halfOf(row) + half.resumes] === 1;
  }

  /** Until its next batch. */
  letResume(row: number): void {
    this.#halves[this.#halfOf(row) + half.resumes] = 1;
  }

  /** The oldest is 0. */
  batch(row: number, index: number): KeptBatch {
    const at = this.#halfOf(row) + half.sequences + index * 2;
    const baseOffset = this.#cells[this.#cellOf(row) + cell.baseOffsets + index]!;
    return { baseSequence: this.#halves[at]!, offsetCount: this.#halves[at + 1]!, baseOffset };
  }

  /** Where the batch was appended that has this sequence and count; -1 when none of those kept has. */
  offsetOf(row: number, baseSequence: number, offsetCount: number): number {
    const first = this.#halfOf(row) + half.sequences;
    for (let index = this.batchCount(row) - 1; index >= 0; index--) {
      const at = first + index * 2;
      if (this.#halves[at] === baseSequence && this.#halves[at + 1] === offsetCount) {
        return this.#cells[this.#cellOf(row) + cell.baseOffsets + index]!;
      }
    }
    return -1;
  }

  /** The row of a producer who begins, at this epoch; whatever was known of it is forgotten. */
  begin(producerId: number, epoch: number): number {
    let row = this.rowOf(producerId);
    if (row < 0) {
      row = this.#count;
      if ((row + 1) * rowCells > (this.#block?.cells ?? 0)) this.#resize(Math.max(rowsLeast, row * 2));
      this.#count += 1;
      this.#rows?.set(producerId, row);
      if (this.#rows === undefined && this.#count > rowsWithoutMap) this.#mapRows(producerId);
    }
    this.#cells.fill(0, this.#cellOf(row), this.#cellOf(row + 1));
    this.#cells[this.#cellOf(row) + cell.producerId] = producerId;
    this.#halves[this.#halfOf(row) + half.epoch] = epoch;
    return row;
  }

  /** Another table's row, as it is now. */
  copy(from: ProducerTable, row: number): number {
    const own = this.begin(from.producerId(row), 0);
    this.#cells.set(from.#cells.subarray(from.#cellOf(row), from.#cellOf(row + 1)), this.#cellOf(own));
    return own;
  }

  touch(row: number, nowMs: number): void {
    this.#cells[this.#cellOf(row) + cell.lastUsedMs] = nowMs;
  }

  /** Sequences of another epoch mean nothing any more. */
  raiseEpoch(row: number, epoch: number): void {
    const at = this.#halfOf(row);
    this.#halves[at + half.epoch] = epoch;
    this.#halves[at + half.batchCount] = 0;
    this.#halves[at + half.resumes] = 0;
  }

  addBatch(row: number, baseSequence: number, offsetCount: number, baseOffset: number): void {
    let index = this.batchCount(row);
    this.#halves[this.#halfOf(row) + half.resumes] = 0;
    const offsets = this.#cellOf(row) + cell.baseOffsets;
    const sequences = this.#halfOf(row) + half.sequences;
    if (index === batchesKept) {
      this.#cells.copyWithin(offsets, offsets + 1, offsets + batchesKept);
      this.#halves.copyWithin(sequences, sequences + 2, sequences + 2 * batchesKept);
      index -= 1;
    } else this.#halves[this.#halfOf(row) + half.batchCount] = index + 1;
    this.#cells[offsets + index] = baseOffset;
    this.#halves[sequences + index * 2] = baseSequence;
    this.#halves[sequences + index * 2 + 1] = offsetCount;
  }

  openTransaction(row: number, generation: number, firstOffset: number): void {
    this.#cells[this.#cellOf(row) + cell.openGeneration] = generation;
    this.#cells[this.#cellOf(row) + cell.firstOffset] = firstOffset;
  }

  endTransaction(row: number, generation: number, coordinatorEpoch: number): void {
    this.openTransaction(row, 0, 0);
    this.#cells[this.#cellOf(row) + cell.endedGeneration] = generation;
    this.#halves[this.#halfOf(row) + half.coordinatorEpoch] = coordinatorEpoch + 1;
  }

  /** Removes all that `isGone` says, and gives memory back when most of it is unused. */
  removeWhere(isGone: (row: number) => boolean): void {
    for (let row = this.#count - 1; row >= 0; row--) if (isGone(row)) this.#remove(row);
    if (this.#count * rowCells * 4 >= (this.#block?.cells ?? 0)) return;
    if (this.#count <= rowsWithoutMap) this.#rows = undefined;
    this.#resize(this.#count === 0 ? 0 : Math.max(rowsLeast, this.#count * 2));
  }

  /** As it is now, whatever becomes of this one. Only to be read. */
  frozen(pages: RowPages): ProducerTable {
    const table = new ProducerTable(pages);
    if (this.#count === 0) return table;
    const block = pages.take(this.#count * rowCells);
    table.#block = block;
    table.#cells = block.page.cells;
    table.#halves = block.page.halves;
    table.#start = block.start;
    table.#count = this.#count;
    // A view of a few cells would cost more than to copy them one by one.
    for (let at = 0; at < this.#count * rowCells; at++) table.#cells[table.#start + at] = this.#cells[this.#start + at]!;
    return table;
  }

  /** The partition is gone. */
  clear(): void {
    this.removeWhere(() => true);
  }

  /** The last row takes its place. */
  #remove(row: number): void {
    this.#rows?.delete(this.producerId(row));
    this.#count -= 1;
    if (row === this.#count) return;
    this.#cells.copyWithin(this.#cellOf(row), this.#cellOf(this.#count), this.#cellOf(this.#count + 1));
    this.#rows?.set(this.producerId(row), row);
  }

  /** `newest` has no id in its row yet. */
  #mapRows(newest: number): void {
    this.#rows = new Map([[newest, this.#count - 1]]);
    for (let row = 0; row < this.#count - 1; row++) this.#rows.set(this.producerId(row), row);
  }

  #resize(rows: number): void {
    const former = this.#block;
    this.#block = rows === 0 ? undefined : this.#pages.take(rows * rowCells);
    const kept = this.#cells.subarray(this.#start, this.#start + Math.min(this.#count, rows) * rowCells);
    this.#cells = this.#block?.page.cells ?? nothing;
    this.#halves = this.#block?.page.halves ?? nothingInHalves;
    this.#start = this.#block?.start ?? 0;
    this.#cells.set(kept, this.#start);
    if (former !== undefined) this.#pages.giveBack(former);
  }
}
