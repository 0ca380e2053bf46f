/**
 * The latest changes of a cell, for brokers that follow it (D10): one step per journal row, spelled out only when somebody asks.
 * Bounded in number and inline bytes: who is further behind gets a gap.
 */
import type { Cursor, FollowReply, FollowUpdate } from "../coordinator.ts";

const updatesMax = 20_000;
const inlineBytesMax = 4 * 1024 * 1024;

export interface Step {
  readonly updateCount: number;
  readonly inlineBytes: number;
  /** As they were at the step's row, whatever came after. */
  updates(): readonly FollowUpdate[];
}

export class FollowRing {
  /** Of the rows after `#completeAfter`, without holes. */
  #steps: Step[] = [];
  #weight = 0;
  #inlineBytes = 0;
  /** Every change after this cursor is here. */
  #completeAfter: Cursor;

  constructor(cursor: Cursor) {
    this.#completeAfter = cursor;
  }

  get #newest(): Cursor {
    return this.#completeAfter + this.#steps.length;
  }

  /** The next row's. */
  push(step: Step): void {
    this.#steps.push(step);
    this.#weight += weightOf(step);
    this.#inlineBytes += step.inlineBytes;
    while (this.#steps.length > 1 && (this.#weight > updatesMax || this.#inlineBytes > inlineBytesMax)) this.#forgetOldest();
  }

  #forgetOldest(): void {
    const oldest = this.#steps.shift()!;
    this.#weight -= weightOf(oldest);
    this.#inlineBytes -= oldest.inlineBytes;
    this.#completeAfter += 1;
  }

  /** Undefined when nothing is newer: the caller waits. A cursor from the future belongs to a state that was lost. */
  since(cursor: Cursor): FollowReply | undefined {
    const newest = this.#newest;
    if (cursor === newest) return undefined;
    if (!(cursor >= this.#completeAfter && cursor < newest)) return { cursor: newest, gap: true, updates: [] };
    const updates = this.#steps.slice(cursor - this.#completeAfter).flatMap((step) => step.updates());
    return { cursor: newest, gap: false, updates };
  }
}

/** A row that changed nothing for followers is kept too. */
function weightOf({ updateCount }: Step): number {
  return Math.max(1, updateCount);
}
