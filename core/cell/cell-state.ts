/** All a leader knows of its cell, rebuilt from snapshot and journal at start (D6). Plain data with look-ups; rules are in the files that change it. */
import type { PartitionRef, TopicId } from "../coordinator.ts";
import type { AppendedExtents } from "./applied.ts";
import type { BrokerChain } from "./broker-chains.ts";
import { Garbage, type OwnObject } from "./garbage.ts";
import { InlineExtents, type InlineExtent } from "./inline-extents.ts";
import { PartitionLog, type FrozenLog } from "./partition-log.ts";
import { waitsForSegment } from "./partition-settings.ts";
import { RowPages } from "./row-pages.ts";
import { Sources, type InlineSource } from "./sources.ts";

const partitionsSwept = 4;

/** What a snapshot says of a cell. */
export type FrozenState = Readonly<
  Pick<
    CellState,
    | "sequence"
    | "walReleasedMs"
    | "claim"
    | "producerExpirationMs"
    | "nextPartitionId"
    | "sweepId"
    | "sources"
    | "brokers"
    | "garbage"
  >
> & { readonly partitions: ReadonlyMap<number, FrozenLog> };

export class CellState {
  /** The journal row that was applied last. */
  sequence = 0;
  /** The time that a row told last: every row that lets objects go tells one. */
  nowMs = 0;
  /** Since when write-ahead objects have been let go of which the controller has not heard; -1: it has heard of all. */
  walReleasedMs = -1;
  /** Since this start: whether any were let go while the controller was told. */
  walReleases = 0;
  /** What the holder of the last merge claim may write, as long as it has not been committed. */
  claim: OwnObject | undefined;
  readonly garbage = new Garbage();
  /** As commits were last judged by it: part of the journal, or a replay under another setting would end elsewhere. */
  producerExpirationMs = 0;
  readonly sources = new Sources();
  readonly inlineExtents = new InlineExtents((row, partitionId, baseOffset) => {
    const log = this.partitions.get(partitionId);
    const extent = log?.extents.at(baseOffset, log.nextOffset);
    return extent !== undefined && this.sources.inlineRowOf(extent.source) === row;
  });
  readonly brokers = new Map<number, BrokerChain>();
  /** By the cell's own number; numbers of deleted partitions are not used again. */
  readonly partitions = new Map<number, PartitionLog>();
  readonly #producerPages = new RowPages();
  readonly #byTopic = new Map<TopicId, Map<number, PartitionLog>>();
  nextPartitionId = 0;
  /** Counts changes of partitions and their settings. */
  settingsVersion = 0;
  /** What came since the last look for segments has waited for one by then, at the earliest. Not in any snapshot: a new leader looks. */
  segmentHintMs = Infinity;
  /** The partition whose producers are swept next. */
  sweepId = 0;

  /**
   * As it is now, whatever becomes of this one, for a snapshot that is written in steps. Costs a few milliseconds: of extents, which are most of
   * it, the memory is shared.
   */
  frozen(): FrozenState {
    const { sequence, walReleasedMs, claim, producerExpirationMs, nextPartitionId, sweepId } = this;
    const pages = new RowPages();
    const partitions = new Map<number, FrozenLog>();
    for (const [id, log] of this.partitions) partitions.set(id, log.frozen(pages));
    const brokers = new Map<number, BrokerChain>();
    for (const [id, chain] of this.brokers) brokers.set(id, { ...chain, answers: chain.answers.slice() });
    const [sources, garbage] = [this.sources.frozen(), this.garbage.frozen()];
    return {
      sequence,
      walReleasedMs,
      claim,
      producerExpirationMs,
      nextPartitionId,
      sweepId,
      sources,
      partitions,
      brokers,
      garbage,
    };
  }

  /** What a row does from here on, it did then. */
  tellTime(nowMs: number): void {
    this.nowMs = nowMs;
  }

  /** Records came that a segment will be made of once they are as old as segment.ms. */
  noteForSegment({ settings }: PartitionLog, maxTimestamp: number): void {
    if (waitsForSegment(settings)) this.segmentHintMs = Math.min(this.segmentHintMs, maxTimestamp + settings.segmentMs);
  }

  /** An extent has left its source. Answers inline bytes that nobody reads any more; objects become garbage (D12). */
  release(sourceId: number): InlineSource | undefined {
    const source = this.sources.release(sourceId);
    if (source === undefined || source.kind === "inline") return source;
    if (source.kind !== "object") this.garbage.add(source, this.nowMs);
    else {
      if (this.walReleasedMs < 0) this.walReleasedMs = this.nowMs;
      this.walReleases += 1;
    }
    return undefined;
  }

  /** What a row must say of the expiration it was judged by. */
  newExpirationMs(expirationMs: number): number | undefined {
    return expirationMs === this.producerExpirationMs ? undefined : expirationMs;
  }

  /**
   * Frees producers that have expired, of a few partitions with each commit, in turn: those that get nothing any more are freed too,
   * and no commit pays for all. Driven by the journal's own times, so a replay frees the same ones.
   */
  sweepProducers(nowMs: number): void {
    for (let step = 0; step < partitionsSwept; step++) {
      this.partitions.get(this.sweepId)?.sweepProducers(nowMs, this.producerExpirationMs);
      this.sweepId = this.sweepId + 1 < this.nextPartitionId ? this.sweepId + 1 : 0;
    }
  }

  /** Of a row whose source is known already. */
  noteInlineExtents(row: number, appended: AppendedExtents): void {
    for (let index = 0; index < appended.count; index++) {
      this.inlineExtents.add(row, this.find(appended.ref(index))!.id, appended.baseOffset(index));
    }
  }

  /** Of a state that was read from a snapshot. */
  listExtents(): void {
    const found: InlineExtent[] = [];
    for (const log of this.partitions.values()) {
      log.extents.forEach((baseOffset, _start, byteLength, source) => {
        const row = this.sources.inlineRowOf(source);
        if (row >= 0) found.push({ row, partitionId: log.id, baseOffset });
        else this.sources.weigh(source, byteLength);
      });
    }
    found.sort((left, right) => left.row - right.row);
    for (const { row, partitionId, baseOffset } of found) this.inlineExtents.add(row, partitionId, baseOffset);
  }

  find(ref: PartitionRef): PartitionLog | undefined {
    return this.#byTopic.get(ref.topicId)?.get(ref.partition);
  }

  ofTopic(topicId: TopicId): readonly PartitionLog[] {
    return [...(this.#byTopic.get(topicId)?.values() ?? [])];
  }

  addPartition(id: number, ref: PartitionRef): PartitionLog {
    const log = new PartitionLog(id, ref, this.#producerPages);
    this.partitions.set(id, log);
    this.nextPartitionId = Math.max(this.nextPartitionId, id + 1);
    let topic = this.#byTopic.get(ref.topicId);
    if (topic === undefined) this.#byTopic.set(ref.topicId, (topic = new Map()));
    topic.set(ref.partition, log);
    return log;
  }

  removeTopic(topicId: TopicId): void {
    this.settingsVersion += 1;
    for (const log of this.ofTopic(topicId)) {
      this.partitions.delete(log.id);
      log.producers.clear();
    }
    this.#byTopic.delete(topicId);
  }
}
