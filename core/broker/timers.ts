/**
 * Points in time with something to do at them: ends of long polls, retries. A binary heap, because thousands of long polls may
 * wait at once and each comes and goes without its time being reached; cancelled ones are dropped when they reach the top.
 */
export interface Timer<T> {
  readonly at: number;
  readonly value: T;
  live: boolean;
}

export class Timers<T> {
  readonly #heap: Timer<T>[] = [];
  #cancelled = 0;

  add(at: number, value: T): Timer<T> {
    const timer = { at, value, live: true };
    this.#heap.push(timer);
    this.#rise(this.#heap.length - 1);
    return timer;
  }

  cancel(timer: Timer<T>): void {
    if (!timer.live) return;
    timer.live = false;
    this.#cancelled += 1;
    if (this.#cancelled > 64 && this.#cancelled * 2 > this.#heap.length) this.#sweep();
  }

  next(): number | undefined {
    this.#dropCancelled();
    return this.#heap[0]?.at;
  }

  /** Removes and returns the earliest that is due. */
  takeDue(now: number): T | undefined {
    this.#dropCancelled();
    const first = this.#heap[0];
    if (first === undefined || first.at > now) return undefined;
    this.#removeFirst();
    first.live = false;
    return first.value;
  }

  #dropCancelled(): void {
    while (this.#heap[0]?.live === false) {
      this.#removeFirst();
      this.#cancelled -= 1;
    }
  }

  #sweep(): void {
    const live = this.#heap.filter((timer) => timer.live).sort((left, right) => left.at - right.at);
    this.#heap.length = 0;
    for (const timer of live) this.#heap.push(timer);
    this.#cancelled = 0;
  }

  #removeFirst(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink();
  }

  #rise(index: number): void {
    const heap = this.#heap;
    for (let child = index; child > 0;) {
      const parent = (child - 1) >> 1;
      if (heap[parent]!.at <= heap[child]!.at) return;
      [heap[parent], heap[child]] = [heap[child]!, heap[parent]!];
      child = parent;
    }
  }

  #sink(): void {
    const heap = this.#heap;
    for (let parent = 0; ;) {
      let least = 2 * parent + 1;
      if (least >= heap.length) return;
      if (least + 1 < heap.length && heap[least + 1]!.at < heap[least]!.at) least += 1;
      if (heap[parent]!.at <= heap[least]!.at) return;
      [heap[parent], heap[least]] = [heap[least]!, heap[parent]!];
      parent = least;
    }
  }
}

/** Doubles from `firstMs` to `maxMs`. */
export function backoffMs(attempt: number, firstMs: number, maxMs: number): number {
  return Math.min(maxMs, firstMs * 2 ** Math.min(attempt - 1, 20));
}
