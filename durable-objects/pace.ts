/**
 * Keeps work at a rate: whoever is about to do some waits until what was done before is paid for. Of what was not used nothing is saved,
 * so work after a rest begins at once and goes on evenly.
 */

/** A claim's time is meant for a megabyte a second: slower than that it would run out before the work is done. */
const perSecondMin = 1024 * 1024;

export class Pace {
  readonly #perMs: number;
  #freeAtMs = 0;

  /** 0: no limit. */
  constructor(perSecond: number) {
    this.#perMs = perSecond === 0 ? Infinity : Math.max(perSecond, perSecondMin) / 1000;
  }

  async wait(units: number): Promise<void> {
    const nowMs = Date.now();
    const delayMs = this.#freeAtMs - nowMs;
    this.#freeAtMs = Math.max(this.#freeAtMs, nowMs) + units / this.#perMs;
    if (delayMs > 0) await new Promise<void>((resolve) => setTimeout(resolve, delayMs));
  }
}
