/**
 * Which cells are followed (D10): those that a read waits on, each by one long poll at its leader, and none when nobody waits
 * (D3). A poll that has been out for a while without an answer means that nothing is new, as good as an answer.
 */
import type { BlockCache } from "./block-cache.ts";
import type { EffectSink } from "./events.ts";
import type { Read } from "./read-state.ts";
import { CellIndex } from "./tail-index.ts";
import { backoffMs, type Timer, type Timers } from "./timers.ts";

export interface CellFollow {
  readonly index: CellIndex;
  /** Reads that wait on the cell. */
  waiting: number;
  /** The latest deadline among them. */
  until: number;
  /** The unanswered follow; 0 when there is none. */
  id: number;
  sentAt: number;
  maxWaitMs: number;
  /** When a follow was last answered. */
  answeredAt: number;
  failures: number;
  retry: Timer<(now: number) => void> | undefined;
}

const trustAfterMs = 100;
/** What was confirmed this long ago may be read without asking again. */
const freshForMs = 1000;
/** Well below the time after which shells give calls up. */
const pollMaxMs = 20_000;

export class Follows {
  readonly #sink: EffectSink;
  readonly #timers: Timers<(now: number) => void>;
  readonly #cache: BlockCache;
  readonly #cells = new Map<number, CellFollow>();
  readonly #byId = new Map<number, CellFollow>();
  #lastId = 0;

  constructor(sink: EffectSink, timers: Timers<(now: number) => void>, cache: BlockCache) {
    this.#sink = sink;
    this.#timers = timers;
    this.#cache = cache;
  }

  known(cell: number): CellFollow | undefined {
    return this.#cells.get(cell);
  }

  cell(cell: number): CellFollow {
    let follow = this.#cells.get(cell);
    if (follow === undefined) {
      follow = {
        index: new CellIndex(cell, this.#cache),
        waiting: 0,
        until: 0,
        id: 0,
        sentAt: 0,
        maxWaitMs: 0,
        answeredAt: Number.NEGATIVE_INFINITY,
        failures: 0,
        retry: undefined,
      };
      this.#cells.set(cell, follow);
    }
    return follow;
  }

  /** Nothing can have happened in the cell after `time` that isn't known here. */
  confirmedSince(cell: CellFollow, time: number, now: number): boolean {
    return cell.answeredAt >= time || (cell.id !== 0 && now - cell.sentAt >= trustAfterMs);
  }

  fresh(cell: CellFollow, now: number): boolean {
    return this.confirmedSince(cell, now - freshForMs, now);
  }

  wait(cell: CellFollow, read: Read, now: number): void {
    cell.waiting += 1;
    if (read.deadline > cell.until) cell.until = read.deadline;
    this.ensure(cell, now);
  }

  leave(cell: CellFollow): void {
    cell.waiting -= 1;
    if (cell.waiting > 0) return;
    cell.until = 0;
    if (cell.retry !== undefined) this.#timers.cancel(cell.retry);
    cell.retry = undefined;
    if (cell.id === 0) return;
    this.#sink.push({ kind: "unfollow", id: cell.id, cell: cell.index.cell });
    this.#byId.delete(cell.id);
    cell.id = 0;
  }

  ensure(cell: CellFollow, now: number): void {
    const { cursor } = cell.index;
    if (cell.id !== 0 || cell.waiting === 0 || cell.retry !== undefined || cursor === undefined) return;
    this.#lastId += 1;
    cell.id = this.#lastId;
    cell.sentAt = now;
    cell.maxWaitMs = Math.min(pollMaxMs, Math.max(0, cell.until - now));
    this.#byId.set(cell.id, cell);
    this.#sink.push({ kind: "follow", id: cell.id, cell: cell.index.cell, cursor, maxWaitMs: cell.maxWaitMs });
  }

  /** The cell whose follow is answered by this id. */
  answered(id: number, now: number): CellFollow | undefined {
    const cell = this.#byId.get(id);
    if (cell === undefined) return undefined;
    this.#byId.delete(id);
    cell.id = 0;
    cell.answeredAt = now;
    cell.failures = 0;
    return cell;
  }

  failed(id: number, now: number): CellFollow | undefined {
    const cell = this.#byId.get(id);
    if (cell === undefined) return undefined;
    this.#byId.delete(id);
    cell.id = 0;
    cell.failures += 1;
    this.#pause(cell, now + backoffMs(cell.failures, 20, 1000));
    return cell;
  }

  /**
   * A leader that answers at once with nothing new must not be asked in a circle; nor one that was asked not to wait, because the
   * reads' time is up and only their timers have not come round: the circle would keep them from it.
   */
  pauseAfterNothing(cell: CellFollow, now: number): void {
    if (cell.maxWaitMs === 0 || now - cell.sentAt < cell.maxWaitMs / 2) this.#pause(cell, now + trustAfterMs);
  }

  #pause(cell: CellFollow, at: number): void {
    if (cell.waiting === 0) return;
    cell.retry = this.#timers.add(at, (now) => {
      cell.retry = undefined;
      this.ensure(cell, now);
    });
  }
}
