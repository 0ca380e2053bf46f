/**
 * Keeps work to a share of the time: after a step that took so long whoever works rests, as much longer as the share asks for. How fast that
 * is follows from what else the machine and the store have to do; with nothing else to do a step is short, and so is the rest after it.
 */

/** A claim's time is meant for a megabyte a second: slower than that it would run out before the work is done. */
const bytesPerMsMin = (1024 * 1024) / 1000;

interface Step {
  readonly beganMs: number;
  readonly byteLength: number;
}

export class Pace {
  /** Of rest for each millisecond of work. */
  readonly #rest: number;
  #step: Step | undefined;
  #freeAtMs = 0;

  /** 1: never rests. */
  constructor(share: number) {
    this.#rest = 1 / share - 1;
  }

  /** The step before ends; waits until it is rested from, and begins one of so many bytes. */
  async next(byteLength: number): Promise<void> {
    this.end();
    const delayMs = this.#freeAtMs - Date.now();
    if (delayMs > 0) await new Promise<void>((resolve) => setTimeout(resolve, delayMs));
    this.#step = { beganMs: Date.now(), byteLength };
  }

  /** Nothing is done for now. */
  end(): void {
    if (this.#step === undefined) return;
    const { beganMs, byteLength } = this.#step;
    this.#step = undefined;
    const nowMs = Date.now();
    const workedMs = nowMs - beganMs;
    const slowestMs = Math.max(0, byteLength / bytesPerMsMin - workedMs);
    this.#freeAtMs = nowMs + Math.min(workedMs * this.#rest, slowestMs);
  }
}
