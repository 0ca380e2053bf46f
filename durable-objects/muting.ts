/**
 * The silence that a client owes because it used more than its quota: until it is over nothing further of its connection is begun, as
 * in Kafka since 2.0. Afterwards its requests are worked on one at a time, until one passes: many at once would be too much again
 * before the first is counted. A timer stands only while a request waits for the end of the silence (D3).
 */
export interface MutingOptions {
  readonly now: () => number;
  /** Calls back after so many milliseconds, unless the answer is called first. */
  readonly after: (ms: number, work: () => void) => () => void;
  readonly onOver: () => void;
}

export class Muting {
  readonly #options: MutingOptions;
  #untilMs = 0;
  #isOnProbation = false;
  #callOff: (() => void) | undefined;

  constructor(options: MutingOptions) {
    this.#options = options;
  }

  /** Of every request: how long the client must be silent for it. */
  mute(ms: number): void {
    this.#isOnProbation = ms > 0;
    if (ms > 0) this.#untilMs = Math.max(this.#untilMs, this.#options.now() + ms);
  }

  /** Asked when a request wants to begin; when the silence forbids it, `onOver` says when to ask again. */
  holdsBack(underWay: number): boolean {
    if (this.#isOnProbation && underWay > 0) return true;
    if (this.#untilMs === 0) return false;
    const leftMs = this.#untilMs - this.#options.now();
    if (leftMs <= 0) {
      this.#untilMs = 0;
      return false;
    }
    this.#callOff ??= this.#options.after(leftMs, () => {
      this.#callOff = undefined;
      this.#options.onOver();
    });
    return true;
  }

  end(): void {
    this.#callOff?.();
    this.#callOff = undefined;
  }
}
