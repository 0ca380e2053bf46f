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
    this.results = Array.from({ length: records });
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    if (records === 0) this.#resolve(this.results);
  }

  succeeded(index: number, metadata: RecordMetadata): void {
    this.results[index] = metadata;
    this.#settle();
  }

  /** Of several failures the first is told. */
  failed(count: number, error: Error): void {
    this.#error ??= error;
    this.#left -= count - 1;
    this.#settle();
  }

  #settle(): void {
    this.#left -= 1;
    if (this.#left > 0) return;
    if (this.#error === undefined) this.#resolve(this.results);
    else this.#reject(this.#error);
  }
}
