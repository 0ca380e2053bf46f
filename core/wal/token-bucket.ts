/**
 * A rate with a burst: PUTs per second, inline bytes per second. Tokens come by asking with the time, so a bucket that nobody
 * asks needs no timer.
 */
export class TokenBucket {
  readonly #perMs: number;
  readonly #capacity: number;
  #tokens: number;
  #at = Number.NEGATIVE_INFINITY;

  constructor(perSecond: number, capacity: number) {
    // A rate of nothing would make somebody wait for ever.
    this.#perMs = Math.max(perSecond, 0.01) / 1000;
    this.#capacity = capacity;
    this.#tokens = capacity;
  }

  available(now: number): number {
    if (now > this.#at) {
      if (this.#tokens < this.#capacity) this.#tokens = Math.min(this.#capacity, this.#tokens + (now - this.#at) * this.#perMs);
      this.#at = now;
    }
    return this.#tokens;
  }

  /** Takes what is there at most: whoever must go on without a token leaves no debt. */
  take(count: number, now: number): void {
    this.#tokens = Math.max(0, this.available(now) - count);
  }

  /** When `count` tokens will be there; in whole milliseconds, so that a timer for it is never early. */
  availableAt(count: number, now: number): number {
    const missing = count - this.available(now);
    return missing <= 0 ? now : now + Math.max(1, Math.ceil(missing / this.#perMs));
  }
}
