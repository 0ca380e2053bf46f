/**
 * Virtual time: a queue of things to happen, run one after the other in order of time and then of planning. Nothing in a run
 * waits, sleeps or asks the machine what time it is, so an hour passes in milliseconds and the same seed passes it the same way.
 * Every event leaves its label in a log, whose hash says whether two runs were the same.
 */
import { Random } from "./random.ts";

interface Planned {
  readonly at: number;
  readonly order: number;
  readonly label: string;
  readonly run: () => void;
}

export class World {
  readonly random: Random;
  now = 0;
  /** FNV-1a over all labels and times so far. */
  logHash = 0x811c9dc5;
  eventCount = 0;
  readonly #queue: Planned[] = [];
  #planned = 0;
  readonly #print: ((line: string) => void) | undefined;

  constructor(seed: number, print?: (line: string) => void) {
    this.random = new Random(seed);
    this.#print = print;
  }

  after(delayMs: number, label: string, run: () => void): void {
    this.#push({ at: this.now + delayMs, order: this.#planned++, label, run });
  }

  log(label: string): void {
    const line = `${this.now} ${label}`;
    for (let i = 0; i < line.length; i++) this.logHash = Math.imul(this.logHash ^ line.charCodeAt(i), 0x01000193) >>> 0;
    this.#print?.(line);
  }

  /** Runs until nothing is planned before `until`, or `done` says so after an event. */
  run(until: number, done: () => boolean = () => false): void {
    for (let next = this.#queue[0]; next !== undefined && next.at <= until; next = this.#queue[0]) {
      this.#pop();
      this.now = next.at;
      this.eventCount += 1;
      this.log(next.label);
      next.run();
      if (done()) return;
    }
    this.now = Math.max(this.now, until);
  }

  #before(a: Planned, b: Planned): boolean {
    return a.at < b.at || (a.at === b.at && a.order < b.order);
  }

  #push(item: Planned): void {
    const queue = this.#queue;
    let i = queue.push(item) - 1;
    for (let parent = (i - 1) >> 1; i > 0 && this.#before(item, queue[parent]!); parent = (i - 1) >> 1) {
      queue[i] = queue[parent]!;
      i = parent;
    }
    queue[i] = item;
  }

  #pop(): void {
    const queue = this.#queue;
    const last = queue.pop()!;
    if (queue.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= queue.length) break;
      if (child + 1 < queue.length && this.#before(queue[child + 1]!, queue[child]!)) child += 1;
      if (!this.#before(queue[child]!, last)) break;
      queue[i] = queue[child]!;
      i = child;
    }
    queue[i] = last;
  }
}
