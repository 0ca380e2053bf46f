/**
 * How long an object was awake, which is billed: while a call is under way, and for as long after the last one as the platform waits
 * before it lets the object sleep. An estimate from inside; the platform's own figure is not to be had there.
 */
import { objectGb } from "./prices.ts";

const lingersMs = 10_000;

export class Awake {
  #awakeMs = 0;
  #seenMs: number | undefined;
  #open = 0;

  begin(nowMs: number): void {
    this.#advance(nowMs);
    this.#open += 1;
  }

  end(nowMs: number): void {
    this.#advance(nowMs);
    this.#open -= 1;
  }

  /** So far. */
  gbSeconds(nowMs: number): number {
    this.#advance(nowMs);
    return (this.#awakeMs / 1000) * objectGb;
  }

  #advance(nowMs: number): void {
    const passedMs = Math.max(0, nowMs - (this.#seenMs ?? nowMs));
    this.#awakeMs += this.#open > 0 ? passedMs : Math.min(passedMs, lingersMs);
    this.#seenMs = nowMs;
  }
}
