/** One partition as its leader knows it: where its log begins and ends, its extents, producers, transactions and the epochs it has had. */
import type { PartitionBounds, PartitionRef } from "../coordinator.ts";
import { AbortedIndex } from "./aborted-index.ts";
import { ExtentLog } from "./extent-log.ts";
import { OpenTransactions } from "./open-transactions.ts";
import { settingsUntold, type LeaderSettings } from "./partition-settings.ts";
import { ProducerTable } from "./producer-table.ts";
import type { RowPages } from "./row-pages.ts";

interface LeaderEpoch {
  readonly epoch: number;
  readonly startOffset: number;
}

/** What a snapshot says of a log: open transactions are in the rows of their producers. */
export type FrozenLog = Readonly<
  Pick<
    PartitionLog,
    | "id"
    | "ref"
    | "settings"
    | "logStartOffset"
    | "nextOffset"
    | "producersSweptMs"
    | "cleanedOffset"
    | "dirtySinceMs"
    | "lastBatchOffset"
    | "epochs"
    | "extents"
    | "producers"
    | "aborted"
  >
>;

const firstEpoch: readonly LeaderEpoch[] = [{ epoch: 0, startOffset: 0 }];

export class PartitionLog {
  readonly id: number;
  readonly ref: PartitionRef;
  settings: LeaderSettings = settingsUntold;
  readonly extents = new ExtentLog();
  readonly producers: ProducerTable;
  readonly openTransactions = new OpenTransactions((producerId, firstOffset) => {
    const row = this.producers.rowOf(producerId);
    return row >= 0 && this.producers.openGeneration(row) > 0 && this.producers.firstOffset(row) === firstOffset;
  });
  readonly aborted = new AbortedIndex();
  #epochs: readonly LeaderEpoch[] = firstEpoch;
  leaderEpoch = 0;
  logStartOffset = 0;
  nextOffset = 0;
  producersSweptMs = 0;
  /** Offsets below have been compacted: of each key one record is left there, and the keys there may be overwritten from here on. */
  cleanedOffset = 0;
  /** When the oldest record that has not been compacted was written; -1: there is none. */
  dirtySinceMs = -1;
  /** Where the log's last batch begins, which is never compacted: readers get as far as the log's end only by a batch that ends there. */
  lastBatchOffset = 0;

  /** `pages`: those of the cell. */
  constructor(id: number, ref: PartitionRef, pages: RowPages) {
    this.id = id;
    this.ref = ref;
    this.producers = new ProducerTable(pages);
  }

  /** As it is now, whatever becomes of this one. Extents share their memory. */
  frozen(pages: RowPages): FrozenLog {
    const { id, ref, settings, logStartOffset, nextOffset, producersSweptMs, cleanedOffset, dirtySinceMs, lastBatchOffset } = this;
    return {
      id,
      ref,
      settings,
      logStartOffset,
      nextOffset,
      producersSweptMs,
      cleanedOffset,
      dirtySinceMs,
      lastBatchOffset,
      epochs: this.#epochs,
      extents: this.extents.frozen(),
      producers: this.producers.frozen(pages),
      aborted: this.aborted.frozen(),
    };
  }

  /** Where each leader epoch begins, oldest first. */
  get epochs(): readonly LeaderEpoch[] {
    return this.#epochs;
  }

  setEpochs(epochs: readonly LeaderEpoch[]): void {
    this.#epochs = epochs;
    this.leaderEpoch = epochs.at(-1)!.epoch;
  }

  /** The leader epoch in which an offset was given. */
  epochAt(offset: number): number {
    for (let index = this.epochs.length - 1; index > 0; index--) {
      if (this.epochs[index]!.startOffset <= offset) return this.epochs[index]!.epoch;
    }
    return this.epochs[0]!.epoch;
  }

  /** As in Kafka, records below the log's start are stable even where their transaction is open. */
  get lastStableOffset(): number {
    return Math.max(this.logStartOffset, this.openTransactions.firstOffset ?? this.nextOffset);
  }

  /** What is committed is durable at once, so the high watermark is the log's end. */
  get bounds(): PartitionBounds {
    const { logStartOffset, nextOffset, lastStableOffset, leaderEpoch } = this;
    return { logStartOffset, highWatermark: nextOffset, lastStableOffset, leaderEpoch };
  }

  /** The producer's row, -1 for a stranger. One that was silent for too long is a stranger again. */
  producerRow(producerId: number, nowMs: number, expirationMs: number): number {
    const row = this.producers.rowOf(producerId);
    return row >= 0 && this.#isExpired(row, nowMs, expirationMs) ? -1 : row;
  }

  /** A batch has been appended. A record without a time was written when it came. */
  noteBatch(baseOffset: number, maxTimestamp: number, nowMs: number): void {
    this.lastBatchOffset = baseOffset;
    this.#noteDirty(maxTimestamp, nowMs);
  }

  #noteDirty(maxTimestamp: number, nowMs: number): void {
    if (this.dirtySinceMs < 0) this.dirtySinceMs = maxTimestamp >= 0 ? maxTimestamp : Math.max(0, nowMs);
  }

  /** Offsets below are compacted from now on. */
  cleanedTo(offset: number, nowMs: number): void {
    this.cleanedOffset = offset;
    this.dirtySinceMs = -1;
    const rest = offset < this.nextOffset ? this.extents.containing(offset, this.nextOffset) : undefined;
    if (rest !== undefined) this.#noteDirty(rest.maxTimestamp, nowMs);
  }

  /** Frees expired producers, now and then. */
  sweepProducers(nowMs: number, expirationMs: number): void {
    if (nowMs - this.producersSweptMs < expirationMs / 8) return;
    this.producersSweptMs = nowMs;
    this.producers.removeWhere((row) => this.#isExpired(row, nowMs, expirationMs));
  }

  /** Who has a transaction open never is: its end must find where it began. */
  #isExpired(row: number, nowMs: number, expirationMs: number): boolean {
    return nowMs - this.producers.lastUsedMs(row) >= expirationMs && this.producers.openGeneration(row) === 0;
  }

  /** Of a log that was read from a snapshot of before there were compactions. */
  neverCleaned(): void {
    this.cleanedTo(0, 0);
    this.extents.forEach((baseOffset) => {
      this.lastBatchOffset = baseOffset;
    });
  }

  /** Of a log that was read from a snapshot. */
  listOpenTransactions(): void {
    const { producers } = this;
    const rows = Array.from({ length: producers.count }, (_, row) => row).filter((row) => producers.openGeneration(row) > 0);
    rows.sort((left, right) => producers.firstOffset(left) - producers.firstOffset(right));
    for (const row of rows) this.openTransactions.add(producers.producerId(row), producers.firstOffset(row));
  }

  openTransaction(row: number, generation: number, firstOffset: number): void {
    this.producers.openTransaction(row, generation, firstOffset);
    this.openTransactions.add(this.producers.producerId(row), firstOffset);
  }

  endTransaction(row: number, generation: number, coordinatorEpoch: number): void {
    const wasOpen = this.producers.openGeneration(row) > 0;
    this.producers.endTransaction(row, generation, coordinatorEpoch);
    if (wasOpen) this.openTransactions.ended();
  }

  /** Where a leader epoch ended, as Kafka's epoch cache says it: an epoch nobody has led in yet is undefined, -1. */
  epochEnd(epoch: number): { readonly leaderEpoch: number; readonly endOffset: number } {
    if (epoch === this.leaderEpoch) return { leaderEpoch: epoch, endOffset: this.nextOffset };
    const next = this.epochs.findIndex((candidate) => candidate.epoch > epoch);
    if (next < 0) return { leaderEpoch: -1, endOffset: -1 };
    return { leaderEpoch: this.epochs[next - 1]?.epoch ?? epoch, endOffset: this.epochs[next]!.startOffset };
  }
}
