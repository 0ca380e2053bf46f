/**
 * Between two records: partitions are given up when the caller holds no record, and while that goes on none is handed out. A caller that
 * takes too long over a record is not waited for.
 */
import type { Clock } from "../clock.ts";

export class Gate {
  readonly #clock: Clock;
  readonly #patienceMs: number;
  /** The caller holds a record. */
  #isInside = false;
  #closers = 0;
  #left: (() => void)[] = [];
  #opened: (() => void)[] = [];

  constructor(clock: Clock, patienceMs: number) {
    this.#clock = clock;
    this.#patienceMs = patienceMs;
  }

  get isClosed(): boolean {
    return this.#closers > 0;
  }

  /** A record is handed out. */
  enter(): void {
    this.#isInside = true;
  }

  /** The caller is done with it. */
  leave(): void {
    this.#isInside = false;
    for (const resolve of this.#left.splice(0)) resolve();
  }

  /** Resolves at once, or when nobody closes the gate any more. */
  async pass(): Promise<void> {
    while (this.#closers > 0) await new Promise<void>((resolve) => this.#opened.push(resolve));
  }

  /** Does the work when the caller holds no record. */
  async whileClosed(work: () => Promise<void>): Promise<void> {
    this.#closers += 1;
    try {
      if (this.#isInside) await this.#outside();
      await work();
    } finally {
      this.#closers -= 1;
      if (this.#closers === 0) this.open();
    }
  }

  open(): void {
    for (const resolve of this.#opened.splice(0)) resolve();
  }

  #outside(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(this.#patienceMs, resolve);
      this.#left.push(() => {
        cancel();
        resolve();
      });
    });
  }
}
