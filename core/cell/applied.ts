/**
 * What applying a row did to partitions, as followers hear of it: nothing in it changes when they do. In columns, because a leader keeps the
 * last twenty thousand of these, and objects that live for so long cost more than all else that a commit does.
 */
import type { AbortedTransaction, PartitionBounds, PartitionRef } from "../coordinator.ts";
import type { PartitionLog } from "./partition-log.ts";
import type { Source } from "./sources.ts";

export interface AppendedExtent {
  readonly baseOffset: number;
  readonly nextOffset: number;
  readonly byteStart: number;
  readonly byteLength: number;
  readonly maxTimestamp: number;
}

const columns = 8;

export class AppendedExtents {
  readonly #refs: PartitionRef[] = [];
  #numbers: Float64Array;
  /** By index: what the extent, a marker, aborted. */
  #aborted: Map<number, AbortedTransaction> | undefined;
  #byteLength = 0;

  constructor(capacity: number) {
    this.#numbers = new Float64Array(capacity * columns);
  }

  get count(): number {
    return this.#refs.length;
  }

  get byteLength(): number {
    return this.#byteLength;
  }

  /** The log ends with it, and may grow again in the same row. */
  add(log: PartitionLog, baseOffset: number, byteStart: number, byteLength: number, maxTimestamp: number): void {
    const at = this.#refs.push(log.ref) * columns - columns;
    if (at === this.#numbers.length) this.#resize(Math.max(16, 2 * this.count));
    const numbers = this.#numbers;
    numbers[at] = baseOffset;
    numbers[at + 1] = log.nextOffset;
    numbers[at + 2] = byteStart;
    numbers[at + 3] = byteLength;
    numbers[at + 4] = maxTimestamp;
    numbers[at + 5] = log.logStartOffset;
    numbers[at + 6] = log.lastStableOffset;
    numbers[at + 7] = log.leaderEpoch;
    this.#byteLength += byteLength;
  }

  /** Of the last one. */
  aborts(transaction: AbortedTransaction): void {
    this.#aborted ??= new Map();
    this.#aborted.set(this.count - 1, transaction);
  }

  /** No more will come: what is kept takes no more room than it needs. */
  finish(): this {
    if (this.count * columns < this.#numbers.length / 2) this.#resize(this.count);
    return this;
  }

  ref(index: number): PartitionRef {
    return this.#refs[index]!;
  }

  baseOffset(index: number): number {
    return this.#numbers[index * columns]!;
  }

  extent(index: number): AppendedExtent {
    const at = index * columns;
    const numbers = this.#numbers;
    return {
      baseOffset: numbers[at]!,
      nextOffset: numbers[at + 1]!,
      byteStart: numbers[at + 2]!,
      byteLength: numbers[at + 3]!,
      maxTimestamp: numbers[at + 4]!,
    };
  }

  /** Of the log as it ended with the extent. */
  bounds(index: number): PartitionBounds {
    const at = index * columns;
    const numbers = this.#numbers;
    return {
      logStartOffset: numbers[at + 5]!,
      // What is committed is durable at once.
      highWatermark: numbers[at + 1]!,
      lastStableOffset: numbers[at + 6]!,
      leaderEpoch: numbers[at + 7]!,
    };
  }

  aborted(index: number): AbortedTransaction | undefined {
    return this.#aborted?.get(index);
  }

  #resize(capacity: number): void {
    const numbers = new Float64Array(capacity * columns);
    numbers.set(this.#numbers.subarray(0, numbers.length));
    this.#numbers = numbers;
  }
}

export interface Applied {
  /** Where the bytes of all of `appended` lie. */
  readonly source: Source;
  readonly appended: AppendedExtents;
}
