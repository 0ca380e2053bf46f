/**
 * What was used in the last few windows of time, as Kafka measures rates: the newest window is still filling, and a rate that has just
 * begun is reckoned as if all but the newest had passed already, so that a first burst is not taken for a flood. Time comes with the
 * questions: nobody's silence costs a timer.
 */
export interface RateWindows {
  /** How many windows are looked at, the one that is filling included. */
  readonly count: number;
  readonly windowMs: number;
}

export class WindowedRate {
  readonly #windows: RateWindows;
  /** The oldest first. */
  #samples: { readonly startMs: number; sum: number }[] = [];

  constructor(windows: RateWindows) {
    this.#windows = windows;
  }

  record(amount: number, nowMs: number): void {
    this.#forget(nowMs);
    const newest = this.#samples.at(-1);
    if (newest !== undefined && nowMs - newest.startMs < this.#windows.windowMs) newest.sum += amount;
    else this.#samples.push({ startMs: nowMs, sum: amount });
  }

  /** How long nothing must be used until the average is `perSecond` again. */
  throttleMs(perSecond: number, nowMs: number): number {
    this.#forget(nowMs);
    const used = this.#samples.reduce((sum, sample) => sum + sample.sum, 0);
    return Math.max(0, Math.round((used / perSecond) * 1000 - this.#spanMs(nowMs)));
  }

  /** Nothing of what was recorded counts any more. */
  isOver(nowMs: number): boolean {
    this.#forget(nowMs);
    return this.#samples.length === 0;
  }

  #spanMs(nowMs: number): number {
    const { count, windowMs } = this.#windows;
    const elapsedMs = nowMs - (this.#samples[0]?.startMs ?? nowMs);
    const missing = Math.max(0, count - 1 - Math.floor(elapsedMs / windowMs));
    return Math.max(1, elapsedMs + missing * windowMs);
  }

  #forget(nowMs: number): void {
    const { count, windowMs } = this.#windows;
    while (this.#samples[0] !== undefined && nowMs - this.#samples[0].startMs >= count * windowMs) this.#samples.shift();
  }
}
