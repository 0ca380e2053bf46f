/** One call of `send`: its records may go to several batches, and its promise settles when the last of them has. */
import type { RecordMetadata } from "../records/record.ts";

export class Delivery {
  readonly results: RecordMetadata[];
  readonly done: Promise<RecordMetadata[]>;
  #left: number;
  #error: Error | undefined;
  #resolve!: (results: RecordMetadata[]) => void;
  #reject!: (error: Error) => void;

  constructor(records: number) {
    this.#left = records;
    this.results = [];
    this.results.length = records;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    if (records === 0) this.#resolve(this.results);
  }

  /** So many neighbours, the first of which came to lie there. */
  succeeded(firstIndex: number, count: number, first: RecordMetadata): void {
    const { topic, partition, offset, timestamp } = first;
    this.results[firstIndex] = first;
    for (let index = 1; index < count; index++) {
      this.results[firstIndex + index] = { topic, partition, offset: offset < 0 ? -1 : offset + index, timestamp };
    }
    this.#settle(count);
  }

  /** Of several failures the first is told. */
  failed(count: number, error: Error): void {
    this.#error ??= error;
    this.#settle(count);
  }

  #settle(count: number): void {
    this.#left -= count;
    if (this.#left > 0) return;
    if (this.#error === undefined) this.#resolve(this.results);
    else this.#reject(this.#error);
  }
}
