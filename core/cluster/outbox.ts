/**
 * Calls to leaders that must be made sooner or later, whatever crashes. A topic that has something to tell is an entry; the rows
 * of the topics say which have, so the outbox itself needs none. Calls are idempotent: they are repeated until answered, and a
 * newer change of the same topic simply begins again with all its cells.
 */
import type { TopicId } from "../coordinator.ts";

export interface OutboxCall {
  readonly topicId: TopicId;
  readonly cell: number;
  /** The topic's version when the call was made: an answer to an older one settles nothing. */
  readonly version: number;
}

interface Entry {
  version: number;
  cellsLeft: Set<number>;
  /** Never two calls about one topic to one cell at a time: a late create must not follow a delete. */
  readonly flying: Set<number>;
  dueMs: number;
  attempts: number;
}

const backoffMsMin = 250;
const backoffMsMax = 60_000;

export class Outbox {
  readonly #entries = new Map<TopicId, Entry>();

  put(topicId: TopicId, version: number, cells: Iterable<number>): void {
    const flying = this.#entries.get(topicId)?.flying ?? new Set();
    this.#entries.set(topicId, { version, cellsLeft: new Set(cells), flying, dueMs: 0, attempts: 0 });
  }

  has(topicId: TopicId): boolean {
    return this.#entries.has(topicId);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The calls to make now; each is in flight until `answered` or `failed` hears of it. */
  take(nowMs: number): OutboxCall[] {
    const calls: OutboxCall[] = [];
    for (const [topicId, entry] of this.#entries) {
      if (entry.dueMs > nowMs) continue;
      for (const cell of entry.cellsLeft) {
        if (entry.flying.has(cell)) continue;
        entry.flying.add(cell);
        calls.push({ topicId, cell, version: entry.version });
      }
    }
    return calls;
  }

  /** True when this was the last thing the topic had to tell. */
  answered({ topicId, cell, version }: OutboxCall): boolean {
    const entry = this.#entries.get(topicId);
    if (entry === undefined) return false;
    entry.flying.delete(cell);
    if (entry.version !== version) return false;
    entry.cellsLeft.delete(cell);
    if (entry.cellsLeft.size > 0) return false;
    this.#entries.delete(topicId);
    return true;
  }

  failed({ topicId, cell }: OutboxCall, nowMs: number): void {
    const entry = this.#entries.get(topicId);
    if (entry === undefined) return;
    entry.flying.delete(cell);
    entry.dueMs = nowMs + Math.min(backoffMsMin * 2 ** Math.min(entry.attempts, 20), backoffMsMax);
    entry.attempts += 1;
  }

  /** When `take` has calls again; undefined when every call is in flight or there is none. */
  nextDeadline(): number | undefined {
    let deadline: number | undefined;
    for (const entry of this.#entries.values()) {
      const idle = [...entry.cellsLeft].some((cell) => !entry.flying.has(cell));
      if (idle && (deadline === undefined || entry.dueMs < deadline)) deadline = entry.dueMs;
    }
    return deadline;
  }
}
