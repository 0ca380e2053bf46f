/**
 * Reads a topic for the page: from its newest records on, or forward from its start, an offset or a time. At the newest end it goes on
 * for ever and old records make room; forward it stops when a page is full and goes on when told to, so that nothing is run past. It
 * reads nothing while it is paused or the page is hidden.
 */
import type { Client, Consumer, TopicPartition } from "../../client/client.ts";
import { type Fault, faultOf } from "./faults.ts";
import type { RecordFilter } from "./record-filter.ts";
import { RecordShelf, type ShownRecord } from "./record-shelf.ts";

export type ReadFrom =
  | { readonly kind: "newest" | "oldest" }
  | { readonly kind: "offset"; readonly offset: number }
  | { readonly kind: "time"; readonly atMs: number };

export interface ReadingOrder {
  readonly topic: string;
  readonly partitions: readonly number[];
  readonly from: ReadFrom;
  readonly isolation: "read_committed" | "read_uncommitted";
  readonly filter: RecordFilter;
}

export interface Reading {
  readonly records: readonly ShownRecord[];
  readonly read: number;
  readonly matched: number;
  readonly isPaused: boolean;
  /** A page is full: `readOn` begins the next. */
  readonly isFull: boolean;
  /** All there is has been read; what comes next is new. */
  readonly isAtEnd: boolean;
  /** No partition has an offset that it still holds: there is nothing to be seen by reading otherwise. */
  readonly isEmpty: boolean;
  readonly fault: Fault | undefined;
}

/** How many records before the end are read at first, over all partitions. */
const newestCount = 100;
const toldEveryMs = 150;
const lookEveryMs = 500;
const prefetchBytes = 4 * 1024 * 1024;

export class Tail {
  readonly #client: Client;
  readonly #order: ReadingOrder;
  readonly #tell: (reading: Reading) => void;
  readonly #ended = new AbortController();
  readonly #isForward: boolean;
  #shelf: RecordShelf;
  #consumer: Consumer | undefined;
  #left: readonly ShownRecord[] = [];
  #isPaused = false;
  /** What the consumer was told last: there may be a batch, and a thousand partitions, for each time it is looked at. */
  #isHeld = false;
  #isAtEnd = false;
  #isEmpty = true;
  #fault: Fault | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #looks: ReturnType<typeof setInterval> | undefined;
  #wake: (() => void) | undefined;

  constructor(client: Client, order: ReadingOrder, tell: (reading: Reading) => void) {
    this.#client = client;
    this.#order = order;
    this.#tell = tell;
    this.#isForward = order.from.kind !== "newest";
    this.#shelf = new RecordShelf(this.#isForward);
    document.addEventListener("visibilitychange", this.#apply);
    this.#run().catch((error: unknown) => {
      if (this.#ended.signal.aborted) return;
      this.#fault = faultOf(error);
      this.#tellSoon();
    });
  }

  pause(): void {
    this.#isPaused = true;
    this.#apply();
    this.#tellSoon();
  }

  resume(): void {
    this.#isPaused = false;
    this.#apply();
    this.#tellSoon();
  }

  /** The next page, of a full one. */
  readOn(): void {
    this.#shelf = this.#shelf.next();
    this.#wake?.();
    this.#tellSoon();
  }

  stop(): void {
    this.#ended.abort();
    clearTimeout(this.#timer);
    clearInterval(this.#looks);
    document.removeEventListener("visibilitychange", this.#apply);
    this.#wake?.();
    this.#consumer?.[Symbol.dispose]();
  }

  async #run(): Promise<void> {
    const partitions = await this.#starts();
    if (this.#ended.signal.aborted) return;
    const { isolation } = this.#order;
    this.#consumer = this.#client.consumer({ partitions, offsetReset: "earliest", isolation, prefetchBytes });
    const ends = await this.#client.admin().listOffsets(partitions, "latest", { signal: this.#ended.signal, isolation });
    if (this.#ended.signal.aborted) return;
    this.#isAtEnd = ends.every(({ offset }, index) => offset <= partitions[index]!.offset);
    this.#tellSoon();
    // What nobody may see is read without a word: markers, and what was aborted.
    this.#looks = setInterval(() => this.#lookForEnd(partitions), lookEveryMs);
    for await (const { records } of this.#consumer.batches()) {
      this.#left = records;
      while (this.#left.length > 0 && !this.#ended.signal.aborted) {
        this.#left = this.#shelf.put(this.#left, this.#order.filter);
        if (this.#left.length > 0) await this.#told();
      }
      if (this.#ended.signal.aborted) return;
      // Whoever paused during the first look-ups had no consumer to pause.
      this.#apply();
      this.#tellSoon();
    }
  }

  #lookForEnd(partitions: readonly TopicPartition[]): void {
    const consumer = this.#consumer;
    if (consumer === undefined || consumer.assignment.length === 0) return;
    const isAtEnd = partitions.every((partition) => {
      const lag = consumer.lag(partition);
      // Of a partition that has not been fetched from yet nothing new is known.
      return lag === 0 || (lag === undefined && this.#isAtEnd);
    });
    if (isAtEnd === this.#isAtEnd) return;
    this.#isAtEnd = isAtEnd;
    this.#tellSoon();
  }

  /** Until a page is made room in, or all ends. */
  async #told(): Promise<void> {
    this.#tellSoon();
    await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  async #starts(): Promise<readonly (TopicPartition & { readonly offset: number })[]> {
    const { topic, from, isolation } = this.#order;
    const partitions = this.#order.partitions.map((partition) => ({ topic, partition }));
    const admin = this.#client.admin();
    const options = { signal: this.#ended.signal };
    const starts = await admin.listOffsets(partitions, "earliest", options);
    const ends = await admin.listOffsets(partitions, "latest", options);
    this.#isEmpty = ends.every(({ offset }, index) => offset === starts[index]!.offset);
    if (from.kind === "oldest") return starts.map(place);
    if (from.kind === "time") {
      const found = await admin.listOffsets(partitions, from.atMs, options);
      return found.map((each, index) => place(each.offset < 0 ? ends[index]! : each));
    }
    if (from.kind === "offset") return starts.map((each, index) => within(each, ends[index]!.offset, from.offset));
    // What lies behind an open transaction is not to be seen yet, and is not the newest to whoever waits for it.
    const seen = isolation === "read_committed" ? await admin.listOffsets(partitions, "latest", { ...options, isolation }) : ends;
    const share = Math.ceil(newestCount / partitions.length);
    return starts.map((each, index) => within(each, seen[index]!.offset, seen[index]!.offset - share));
  }

  readonly #apply = (): void => {
    const consumer = this.#consumer;
    const isHeld = this.#isPaused || document.hidden;
    if (isHeld === this.#isHeld || consumer === undefined || consumer.assignment.length === 0) return;
    this.#isHeld = isHeld;
    if (isHeld) consumer.pause();
    else consumer.resume();
  };

  #tellSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const { records, read, matched } = this.#shelf;
      this.#tell({
        records,
        read,
        matched,
        isPaused: this.#isPaused,
        isFull: this.#isForward && this.#left.length > 0,
        isAtEnd: this.#isAtEnd,
        isEmpty: this.#isEmpty,
        fault: this.#fault,
      });
    }, toldEveryMs);
  }
}

/** The wanted offset, or what of the log comes nearest to it. */
function within(start: TopicPartition & { readonly offset: number }, end: number, wanted: number) {
  return place({ ...start, offset: Math.min(end, Math.max(start.offset, wanted)) });
}

function place({ topic, partition, offset }: TopicPartition & { readonly offset: number }) {
  return { topic, partition, offset };
}
