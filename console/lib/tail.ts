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
  readonly fault: Fault | undefined;
}

/** How many records before the end are read at first, over all partitions. */
const newestCount = 100;
const toldEveryMs = 150;
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
  #isAtEnd = false;
  #fault: Fault | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
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
    document.removeEventListener("visibilitychange", this.#apply);
    this.#wake?.();
    this.#consumer?.[Symbol.dispose]();
  }

  async #run(): Promise<void> {
    const partitions = await this.#starts();
    if (this.#ended.signal.aborted) return;
    const { isolation } = this.#order;
    this.#consumer = this.#client.consumer({ partitions, offsetReset: "earliest", isolation, prefetchBytes });
    const ends = await this.#client.admin().listOffsets(partitions, "latest", { signal: this.#ended.signal });
    this.#isAtEnd = ends.every(({ offset }, index) => offset <= partitions[index]!.offset);
    this.#tellSoon();
    for await (const { records } of this.#consumer.batches()) {
      this.#left = records;
      while (this.#left.length > 0 && !this.#ended.signal.aborted) {
        this.#left = this.#shelf.put(this.#left, this.#order.filter);
        if (this.#left.length > 0) await this.#told();
      }
      if (this.#ended.signal.aborted) return;
      this.#isAtEnd = partitions.every((partition) => this.#consumer?.lag(partition) === 0);
      // Whoever paused during the first look-ups had no consumer to pause.
      this.#apply();
      this.#tellSoon();
    }
  }

  /** Until a page is made room in, or all ends. */
  async #told(): Promise<void> {
    this.#tellSoon();
    await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  async #starts(): Promise<readonly (TopicPartition & { readonly offset: number })[]> {
    const { topic, from } = this.#order;
    const partitions = this.#order.partitions.map((partition) => ({ topic, partition }));
    const admin = this.#client.admin();
    const options = { signal: this.#ended.signal };
    const starts = await admin.listOffsets(partitions, "earliest", options);
    if (from.kind === "oldest") return starts.map(place);
    const ends = await admin.listOffsets(partitions, "latest", options);
    if (from.kind === "time") {
      const found = await admin.listOffsets(partitions, from.atMs, options);
      return found.map((each, index) => place(each.offset < 0 ? ends[index]! : each));
    }
    const share = Math.ceil(newestCount / partitions.length);
    return starts.map(({ partition, offset: start }, index) => {
      const { offset: end } = ends[index]!;
      const wanted = from.kind === "offset" ? from.offset : end - share;
      return { topic, partition, offset: Math.min(end, Math.max(start, wanted)) };
    });
  }

  readonly #apply = (): void => {
    const consumer = this.#consumer;
    if (consumer === undefined || consumer.assignment.length === 0) return;
    if (this.#isPaused || document.hidden) consumer.pause();
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
        fault: this.#fault,
      });
    }, toldEveryMs);
  }
}

function place({ topic, partition, offset }: TopicPartition & { readonly offset: number }) {
  return { topic, partition, offset };
}
