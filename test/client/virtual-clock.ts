/** A clock that a test turns: timers fire in order when time is moved on to them. */
import type { RawTime } from "../../client/clock.ts";

interface Timer {
  readonly atMs: number;
  readonly work: () => void;
}

export class VirtualTime implements RawTime {
  #nowMs = 1_000_000;
  #timers: Timer[] = [];
  readonly #random: () => number;

  constructor(random: () => number = () => 0.5) {
    this.#random = random;
  }

  readonly now = (): number => this.#nowMs;
  readonly random = (): number => this.#random();

  readonly after = (ms: number, work: () => void): (() => void) => {
    const timer = { atMs: this.#nowMs + ms, work };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  };

  get hasTimers(): boolean {
    return this.#timers.length > 0;
  }

  /** Moves on to the next timer and fires it. */
  step(): void {
    const next = this.#timers.reduce<Timer | undefined>(
      (first, each) => (first === undefined || each.atMs < first.atMs ? each : first),
      undefined,
    );
    if (next === undefined) return;
    this.#timers = this.#timers.filter((each) => each !== next);
    this.#nowMs = Math.max(this.#nowMs, next.atMs);
    next.work();
  }

  /** Time passes in which no timer fires, as in a frozen tab. */
  freeze(ms: number): void {
    this.#nowMs += ms;
  }
}
