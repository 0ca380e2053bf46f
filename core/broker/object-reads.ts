/**
 * The GETs: shared when several want the same bytes, few at a time (the platform counts connections, and lagging readers must not
 * take them from those at the tail), repeated when the store fails, refused while memory is short.
 */
import type { Block } from "./block.ts";
import type { BlockCache } from "./block-cache.ts";
import type { EffectSink } from "./events.ts";
import type { MemoryBudget } from "./memory-budget.ts";
import type { ExtentRead, ReadPart } from "./read-state.ts";
import { backoffMs, type Timers } from "./timers.ts";

/** Who is served first: readers at the tail, lagging ones, bytes that will be wanted. */
export type Urgency = 0 | 1 | 2;
export const urgency = { tail: 0, cold: 1, ahead: 2 } as const;

export type Waiter = ReadPart | ExtentRead;
export type GetResult = Block | "missing" | "unreachable";

interface Get {
  readonly key: string;
  readonly start: number;
  readonly end: number;
  urgency: Urgency;
  readonly waiters: Waiter[];
  id: number;
  attempts: number;
}

export interface ReadsHost {
  readonly sink: EffectSink;
  readonly timers: Timers<(now: number) => void>;
  readonly cache: BlockCache;
  readonly budget: MemoryBudget;
  /** Somebody waits for the next record, or will in a moment. */
  isTailWaitedFor(now: number): boolean;
  gotten(waiters: readonly Waiter[], result: GetResult, now: number): void;
}

const inFlightMax = 3;
const laggingInFlightMax = 2;
/** While somebody waits at the tail: what a backfill has under way is what a new record stands behind. */
const laggingBesideTailMax = 1;
/** And between two of them it is left in peace: this long nothing of theirs is got, checked or sent. */
const laggingRestMs = 1;
const attemptsMax = 4;
const aheadQueueMax = 8;

export class ObjectReads {
  readonly #host: ReadsHost;
  readonly #queues: readonly [Get[], Get[], Get[]] = [[], [], []];
  readonly #byKey = new Map<string, Get[]>();
  readonly #byId = new Map<number, Get>();
  #lastId = 0;
  #inFlight = 0;
  #laggingInFlight = 0;
  #laggingRestsUntil = 0;

  constructor(host: ReadsHost) {
    this.#host = host;
  }

  want(key: string, start: number, end: number, wish: Urgency, waiter: Waiter | undefined): void {
    const known = this.#byKey.get(key)?.find((get) => get.start <= start && end <= get.end);
    if (known !== undefined) {
      if (waiter !== undefined) known.waiters.push(waiter);
      if (known.id === 0 && wish < known.urgency) this.#hurry(known, wish);
      return;
    }
    if (wish === urgency.ahead && this.#queues[urgency.ahead].length >= aheadQueueMax) return;
    const get: Get = { key, start, end, urgency: wish, waiters: waiter === undefined ? [] : [waiter], id: 0, attempts: 0 };
    const gets = this.#byKey.get(key);
    if (gets === undefined) this.#byKey.set(key, [get]);
    else gets.push(get);
    this.#queues[wish].push(get);
  }

  #hurry(get: Get, wish: Urgency): void {
    const queue = this.#queues[get.urgency];
    const at = queue.indexOf(get);
    get.urgency = wish;
    if (at < 0) return;
    queue.splice(at, 1);
    this.#queues[wish].push(get);
  }

  /** Sends what limits and memory allow; call after every event. Answers whose GET cannot go, and will not by those under way. */
  pump(now: number): "tail" | "lagging" | undefined {
    const laggingMax = this.#laggingMax(now);
    for (const queue of this.#queues) {
      for (let get = queue[0]; get !== undefined; get = queue[0]) {
        if (this.#joins(get)) {
          queue.shift();
          continue;
        }
        const lagging = isLagging(get);
        if (this.#inFlight >= inFlightMax || (lagging && this.#laggingInFlight >= laggingMax)) break;
        if (!this.#host.budget.admitsGet(get.end - get.start, lagging)) {
          if (!lagging) return "tail";
          return this.#laggingInFlight === 0 ? "lagging" : undefined;
        }
        queue.shift();
        this.#send(get);
      }
    }
    return undefined;
  }

  #laggingMax(now: number): number {
    if (!this.#host.isTailWaitedFor(now)) return laggingInFlightMax;
    return now < this.#laggingRestsUntil ? 0 : laggingBesideTailMax;
  }

  /** A larger one may have been wanted later and sent before: then it brings these bytes too. */
  #joins(get: Get): boolean {
    const { start, end, waiters } = get;
    const larger = this.#byKey
      .get(get.key)
      ?.find((other) => other !== get && other.id > 0 && other.start <= start && end <= other.end);
    if (larger === undefined) return false;
    larger.waiters.push(...waiters);
    this.#close(get);
    return true;
  }

  #send(get: Get): void {
    const length = get.end - get.start;
    this.#lastId += 1;
    get.id = this.#lastId;
    get.attempts += 1;
    this.#byId.set(get.id, get);
    this.#inFlight += 1;
    this.#host.budget.getBytes += length;
    if (isLagging(get)) {
      this.#laggingInFlight += 1;
      this.#host.budget.laggingBytes += length;
    }
    this.#host.sink.push({ kind: "get", id: get.id, key: get.key, start: get.start, length });
  }

  #answered(id: number, now: number): Get | undefined {
    const get = this.#byId.get(id);
    if (get === undefined) return undefined;
    const length = get.end - get.start;
    this.#byId.delete(id);
    this.#inFlight -= 1;
    this.#host.budget.getBytes -= length;
    if (isLagging(get)) {
      this.#laggingInFlight -= 1;
      this.#host.budget.laggingBytes -= length;
      this.#rest(now);
    }
    return get;
  }

  #rest(now: number): void {
    if (!this.#host.isTailWaitedFor(now)) return;
    this.#laggingRestsUntil = now + laggingRestMs;
    // What is got is looked at after every tick.
    this.#host.timers.add(this.#laggingRestsUntil, () => {});
  }

  done(id: number, bytes: Uint8Array | undefined, now: number): void {
    const get = this.#answered(id, now);
    if (get === undefined) return;
    this.#close(get);
    const { key, start, end, waiters } = get;
    if (bytes !== undefined && bytes.length === end - start) {
      const block = this.#host.cache.insert(key, start, bytes, false, isLagging(get) ? "catchUp" : "tail");
      this.#host.gotten(waiters, block, now);
      return;
    }
    const got = bytes?.length ?? -1;
    this.#host.sink.push({
      kind: "log",
      level: "error",
      event: "object-missing",
      fields: { key, start, wanted: end - start, got },
    });
    this.#host.gotten(waiters, "missing", now);
  }

  failed(id: number, message: string, now: number): void {
    const get = this.#answered(id, now);
    if (get === undefined) return;
    const { key, attempts } = get;
    this.#host.sink.push({ kind: "log", level: "warn", event: "get-failed", fields: { key, attempts, message } });
    if (attempts < attemptsMax && get.waiters.length > 0) {
      get.id = 0;
      this.#host.timers.add(now + backoffMs(attempts, 50, 1000), () => {
        if (get.waiters.length > 0) this.#queues[get.urgency].push(get);
        else this.#close(get);
      });
      return;
    }
    this.#close(get);
    this.#host.gotten(get.waiters, "unreachable", now);
  }

  /** The read is over; what is on its way still goes into the cache. */
  forget(waiter: Waiter): void {
    for (const queue of this.#queues) {
      for (let index = queue.length - 1; index >= 0; index -= 1) {
        const get = queue[index]!;
        if (!get.waiters.includes(waiter)) continue;
        removeAll(get.waiters, waiter);
        if (get.waiters.length > 0) continue;
        queue.splice(index, 1);
        this.#close(get);
      }
    }
    for (const gets of this.#byKey.values()) for (const get of gets) removeAll(get.waiters, waiter);
  }

  #close(get: Get): void {
    const gets = this.#byKey.get(get.key);
    if (gets === undefined) return;
    gets.splice(gets.indexOf(get), 1);
    if (gets.length === 0) this.#byKey.delete(get.key);
  }
}

function isLagging({ urgency: wish }: Get): boolean {
  return wish !== urgency.tail;
}

function removeAll(waiters: Waiter[], waiter: Waiter): void {
  for (let at = waiters.indexOf(waiter); at >= 0; at = waiters.indexOf(waiter)) waiters.splice(at, 1);
}
