/** The latest updates of a cell, for brokers that follow it (D10). Bounded in number and inline bytes: who is further behind gets a gap. */
import type { Cursor, FollowReply, FollowUpdate } from "../coordinator.ts";

const updatesMax = 20_000;
const inlineBytesMax = 4 * 1024 * 1024;

interface Step {
  readonly cursor: Cursor;
  readonly updates: readonly FollowUpdate[];
  readonly inlineBytes: number;
}

export class FollowRing {
  readonly #steps: Step[] = [];
  #updates = 0;
  #inlineBytes = 0;
  /** Every change after this cursor is here. */
  #completeAfter: Cursor;
  #newest: Cursor;

  constructor(cursor: Cursor) {
    this.#completeAfter = cursor;
    this.#newest = cursor;
  }

  push(cursor: Cursor, updates: readonly FollowUpdate[], inlineBytes: number): void {
    this.#steps.push({ cursor, updates, inlineBytes });
    this.#newest = cursor;
    this.#updates += updates.length;
    this.#inlineBytes += inlineBytes;
    while (this.#steps.length > 1 && (this.#updates > updatesMax || this.#inlineBytes > inlineBytesMax)) this.#forgetOldest();
  }

  #forgetOldest(): void {
    const oldest = this.#steps.shift()!;
    this.#updates -= oldest.updates.length;
    this.#inlineBytes -= oldest.inlineBytes;
    this.#completeAfter = oldest.cursor;
  }

  /** Undefined when nothing is newer: the caller waits. A cursor from the future belongs to a state that was lost. */
  since(cursor: Cursor): FollowReply | undefined {
    if (cursor === this.#newest) return undefined;
    if (cursor < this.#completeAfter || cursor > this.#newest) return { cursor: this.#newest, gap: true, updates: [] };
    const first = this.#steps.findIndex((step) => step.cursor > cursor);
    return { cursor: this.#newest, gap: false, updates: this.#steps.slice(first).flatMap((step) => step.updates) };
  }
}
