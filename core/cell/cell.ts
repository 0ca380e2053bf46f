/**
 * The leader of a cell, pure (D5, D6, D15): answers what can be answered from memory, and turns every change into one journal row.
 * The shell applies and writes the row in one turn, and lets nobody hear before it is durable: one that dies has lost nothing it told.
 */
import type {
  ClaimReply,
  CommitReply,
  CommitRequest,
  Compacted,
  Cursor,
  EpochEndAnswer,
  EpochEndQuery,
  FindReply,
  FindRequest,
  FollowReply,
  MarkerAnswer,
  MarkerRequest,
  MergeRelease,
  MergeReply,
  OffsetAnswer,
  OffsetQuery,
  PartitionDescription,
  PartitionRef,
  PartitionSettings,
  TopicId,
} from "../coordinator.ts";
import { OperatingError } from "../operating-error.ts";
import type { Settings } from "../settings.ts";
import { applyCommit } from "./apply-commit.ts";
import { judgeNumber, resultsOf, type KeptAnswer } from "./broker-chains.ts";
import { CellReads } from "./cell-reads.ts";
import { CellState } from "./cell-state.ts";
import { applyCollected, applyFence, Collection } from "./collect.ts";
import { checkCommit } from "./check-commit.ts";
import { commitEntry } from "./decide-commit.ts";
import { describePartitions } from "./describe-partitions.ts";
import { applyDrain, drainEntry, planDrain, type DrainPlan } from "./drain.ts";
import { applyCompaction } from "./compactions.ts";
import { entryKind } from "./entry-kind.ts";
import { ExtentWalk, storedBytes, type StoredBytes } from "./extent-runs.ts";
import { FollowRing, type Step } from "./follow-ring.ts";
import { stepOf, stepOfAppends } from "./follow-steps.ts";
import { JournalUpkeep } from "./journal-upkeep.ts";
import { applyAbandonedClaim, applyClaim, applyMerge, Merges, type MergeSettings } from "./merge.ts";
import { applyMarkers, decideMarkers } from "./markers.ts";
import { PackedReader, type PackedWriter } from "./packed-bytes.ts";
import type { PartitionLog } from "./partition-log.ts";
import {
  applyCreate,
  applyDeleteTopic,
  applyPartitions,
  applyStarts,
  decideDeleteRecords,
  deleteTopicEntry,
  partitionsEntry,
  startsEntry,
  type Released,
} from "./partition-changes.ts";
import { Retention } from "./retention.ts";
import { readSnapshot, writeSnapshot, type SnapshotLimits } from "./snapshot.ts";
import { SnapshotWork, type SnapshotStep } from "./snapshot-work.ts";

/** A row of the journal: what happened, and the records that came with it when they travel inline. */
export interface JournalRow {
  readonly sequence: number;
  readonly entry: Uint8Array;
  readonly inline: Uint8Array | undefined;
}

/** Where the inline bytes of applied rows are read again. Synchronous, as Durable Objects' SQLite is. */
export interface InlineRows {
  read(sequence: number): Uint8Array;
}

export interface CellOptions {
  /** The cell's number in its cluster: part of the keys of its objects. */
  readonly cell: number;
  readonly settings: Pick<
    Settings,
    | "inline.bytes.max"
    | "inline.drain.bytes"
    | "log.retention.check.interval.ms"
    | "producer.id.expiration.ms"
    | "storage.delete.grace.ms"
  > &
    MergeSettings;
  readonly inlineRows: InlineRows;
  readonly snapshotLimits?: SnapshotLimits;
}

export type MergeDecision = { readonly row: JournalRow | undefined; readonly reply: MergeReply };
export type CommitDecision =
  | { readonly kind: "answer"; readonly reply: CommitReply }
  /** `applyRow` it and write it, then answer with `commitReply`. */
  | { readonly kind: "journal"; readonly row: JournalRow };

/** SQLite's limit for a row is 2 MB (D6). */
const rowBytesMax = 1_900_000;

export class Cell {
  readonly #options: CellOptions;
  /** As the journal can spell it, whatever was set. */
  readonly #producerExpirationMs: number;
  #state = new CellState();
  #reads: CellReads;
  #ring = new FollowRing(0);
  #upkeep = new JournalUpkeep();
  #retention: Retention;
  #collection: Collection;
  #merges: Merges;
  readonly #released: Released = (dead) => this.#upkeep.released(dead);
  #lastAnswer: KeptAnswer | undefined;
  #snapshotWork: SnapshotWork | undefined;

  constructor(options: CellOptions) {
    this.#options = options;
    this.#producerExpirationMs = Math.min(Math.floor(options.settings["producer.id.expiration.ms"]), 2 ** 52);
    this.#reads = this.#newReads();
    this.#retention = this.#newRetention();
    this.#collection = this.#newCollection();
    this.#merges = this.#newMerges();
  }

  #newMerges(): Merges {
    return new Merges(this.#state, this.#options.cell, this.#options.settings, (row) => this.#options.inlineRows.read(row));
  }

  #newCollection(): Collection {
    return new Collection(this.#state, this.#options.cell, this.#options.settings["storage.delete.grace.ms"]);
  }

  #newRetention(): Retention {
    return new Retention(this.#state, this.#options.settings["log.retention.check.interval.ms"]);
  }

  #newReads(): CellReads {
    return new CellReads(this.#state, this.#options.cell, (row) => this.#options.inlineRows.read(row));
  }

  get cursor(): Cursor {
    return this.#state.sequence;
  }

  get inlineBytes(): number {
    return this.#state.sources.inlineBytes;
  }

  get partitionCount(): number {
    return this.#state.partitions.size;
  }

  get extentCount(): number {
    return this.#sum(({ extents }) => extents.count);
  }

  /** Of all records that extents refer to. */
  get byteLength(): number {
    return this.#sum(({ extents }) => extents.byteLength);
  }

  /** The same by topic. */
  topicBytes(): Readonly<Record<TopicId, number>> {
    const bytes: Record<TopicId, number> = {};
    for (const { ref, extents } of this.#state.partitions.values())
      bytes[ref.topicId] = (bytes[ref.topicId] ?? 0) + extents.byteLength;
    return bytes;
  }

  /** Of all partitions: a producer that writes to many counts in each. */
  get producerCount(): number {
    return this.#sum(({ producers }) => producers.count);
  }

  get openTransactionCount(): number {
    return this.#sum(({ producers }) => producers.openCount);
  }

  get producerMemoryBytes(): number {
    return this.#sum(({ producers }) => producers.memoryBytes);
  }

  /** Memory of all extents' columns. */
  get extentMemoryBytes(): number {
    const { sources, inlineExtents } = this.#state;
    return sources.memoryBytes + inlineExtents.memoryBytes + this.#sum(({ extents }) => extents.memoryBytes);
  }

  #sum(of: (log: PartitionLog) => number): number {
    let sum = 0;
    for (const log of this.#state.partitions.values()) sum += of(log);
    return sum;
  }

  // Changes: decided here, written by the shell, applied below.

  decideCommit(request: CommitRequest, nowMs: number): CommitDecision {
    const verdict = judgeNumber(this.#state.brokers.get(request.brokerId), request);
    if (verdict.kind === "repeated") return { kind: "answer", reply: replyOf(verdict.answer) };
    if (verdict.kind !== "next") return { kind: "answer", reply: verdict };
    const logs = checkCommit(this.#state, request);
    const inline = request.source.kind === "inline" ? request.source.records : undefined;
    if (inline !== undefined && this.inlineBytes + inline.length > this.#options.settings["inline.bytes.max"]) {
      return { kind: "answer", reply: { kind: "inline-full" } };
    }
    const { entry, appends } = commitEntry(this.#state, request, logs, nowMs, this.#producerExpirationMs);
    // Records that got no offset will never be read.
    return { kind: "journal", row: this.#row(entry, appends ? inline : undefined) };
  }

  /** A cell that is full of inline bytes takes markers all the same: without them readers would wait for ever. */
  decideMarkers(
    requests: readonly MarkerRequest[],
    nowMs: number,
  ): { readonly row: JournalRow | undefined; readonly answers: readonly MarkerAnswer[] } {
    const { row, answers } = decideMarkers(this.#state, requests, nowMs, this.#producerExpirationMs);
    return { row: row && this.#row(row.entry, row.inline), answers };
  }

  get hasLed(): boolean {
    return this.#state.nextPartitionId > 0;
  }

  /** Throws when the cell leads fewer partitions than it did, or never led one: its rows are lost, and to go on without them would do harm. */
  checkLed(ledBefore: number, hasLed = false): void {
    if (this.partitionCount >= ledBefore && (this.hasLed || !hasLed)) return;
    const led = `${this.partitionCount} partitions where it led ${Math.max(1, ledBefore)}`;
    throw new OperatingError("corrupt", `cell ${this.#options.cell} leads ${led}: its rows are lost (see: kante recover)`);
  }

  /** Partitions that exist already take the settings over. */
  decideCreatePartitions(partitions: readonly PartitionRef[], settings: PartitionSettings): JournalRow | undefined {
    return this.#entryRow(partitionsEntry(this.#state, partitions, settings));
  }

  decideDeleteTopic(topicId: TopicId, nowMs: number): JournalRow | undefined {
    return this.#entryRow(deleteTopicEntry(this.#state, topicId, nowMs));
  }

  decideDeleteRecords(
    requests: readonly (PartitionRef & { readonly beforeOffset: number })[],
    nowMs: number,
  ): {
    readonly row: JournalRow | undefined;
    readonly answers: readonly { readonly errorCode: number; readonly logStartOffset: number }[];
  } {
    const { entry, answers } = decideDeleteRecords(this.#state, requests, nowMs);
    return { row: this.#entryRow(entry), answers };
  }

  /** When records may next be too old or too many; undefined: never, as things are. */
  retentionDueMs(nowMs: number): number | undefined {
    return this.#retention.dueMs(nowMs);
  }

  /** Undefined when nothing has to go. One step: ask `retentionDueMs` when the next is due. */
  decideRetention(nowMs: number): JournalRow | undefined {
    return this.#entryRow(startsEntry(this.#retention.step(nowMs), nowMs));
  }

  /** The deletion of objects: what is due, and what a leader decides for it. */
  get collection(): Collection {
    return this.#collection;
  }

  /** The row of what the collection decided. */
  rowOf(entry: PackedWriter | undefined): JournalRow | undefined {
    return this.#entryRow(entry);
  }

  /** Undefined when there is nothing to drain. Make a `mergedObject` of it in the same turn, and put that once the cursor's row is durable. */
  planDrain(): DrainPlan | undefined {
    return this.isDrainDue ? planDrain(this.#state, this.#options.cell) : undefined;
  }

  get isDrainDue(): boolean {
    const { settings } = this.#options;
    // A limit near what the cell accepts would hardly ever be passed.
    return this.inlineBytes > Math.min(settings["inline.drain.bytes"], settings["inline.bytes.max"] / 2);
  }

  /** The plan's object rests in the store. Undefined when everything in it was deleted meanwhile. */
  decideDrain(plan: DrainPlan, nowMs: number): JournalRow | undefined {
    return this.#entryRow(drainEntry(this.#state, plan, nowMs));
  }

  /** When a merger should be sent for; undefined while there is nothing to merge. */
  mergeDueMs(nowMs: number): number | undefined {
    return this.#merges.dueMs(nowMs);
  }

  /** `applyRow` the row and write it, then answer with `claimReply`. */
  decideClaim(
    nowMs: number,
  ): { readonly kind: "answer"; readonly reply: ClaimReply } | { readonly kind: "journal"; readonly row: JournalRow } {
    const decision = this.#merges.decide(nowMs);
    return decision.kind === "answer" ? decision : { kind: "journal", row: this.#row(decision.entry.finish()) };
  }

  /** The claim whose row was applied last. */
  claimReply(nowMs: number): ClaimReply {
    return this.#merges.opened(nowMs);
  }

  /** The claim's object rests. */
  decideMerge(number: number, nowMs: number, compacted?: Compacted): MergeDecision {
    const closed = this.#merges.close(number, compacted, nowMs);
    if (closed === undefined) return { row: undefined, reply: { kind: "lost" } };
    return { row: this.#entryRow(closed.entry), reply: { kind: "committed", extents: closed.extents } };
  }

  releaseMerge(release: MergeRelease): void {
    this.#merges.release(release);
  }

  /**
   * Begins with the state of a cell that was put together again, as a snapshot. Who has heard of a row of before is told of a gap. Write
   * a snapshot of it in the same turn.
   */
  takeOver(chunks: readonly Uint8Array[]): void {
    if (this.partitionCount > 0) throw new OperatingError("invalid", `cell ${this.#options.cell} leads partitions already`);
    const before = this.cursor;
    this.restore(chunks, () => []);
    this.#state.sequence += before;
    this.#ring = new FollowRing(this.cursor);
  }

  get strayClaim(): Pick<Merges, "strayDueMs" | "abandon"> {
    return this.#merges;
  }

  #entryRow(entry: PackedWriter | undefined): JournalRow | undefined {
    return entry && this.#row(entry.finish());
  }

  #row(entry: Uint8Array, inline?: Uint8Array): JournalRow {
    const bytes = entry.length + (inline?.length ?? 0);
    if (bytes > rowBytesMax) throw new OperatingError("invalid", `a change of ${bytes} bytes fits in no row`);
    return { sequence: this.#state.sequence + 1, entry, inline };
  }

  /** `live` false while starting: nobody follows yet. Who gets an exception must start anew from the rows. */
  applyRow(row: JournalRow, live: boolean): void {
    if (row.sequence !== this.#state.sequence + 1) {
      throw new OperatingError("corrupt", `journal row ${row.sequence} follows row ${this.#state.sequence}`);
    }
    const reader = new PackedReader(row.entry);
    const step = this.#applyEntry(reader, row);
    if (!reader.atEnd) throw new OperatingError("corrupt", `journal row ${row.sequence} is longer than what it says`);
    this.#state.sequence = row.sequence;
    this.#upkeep.applied(row.entry.length);
    this.#retention.changed();
    this.#merges.compactions.changed();
    if (live) this.#ring.push(step);
    else this.#ring = new FollowRing(row.sequence);
  }

  #applyEntry(reader: PackedReader, row: JournalRow): Step {
    switch (reader.uint()) {
      case entryKind.commit:
      case entryKind.transactionalCommit: {
        const applied = applyCommit(this.#state, reader, row.sequence);
        this.#lastAnswer = applied.answer;
        return stepOfAppends(applied, row.inline, this.#options.cell);
      }
      case entryKind.markers:
        return stepOfAppends(applyMarkers(this.#state, reader, row.sequence), row.inline, this.#options.cell);
      case entryKind.at:
        this.#state.tellTime(reader.uint());
        return this.#applyEntry(reader, row);
      case entryKind.collected:
        applyCollected(this.#state, reader);
        return stepOf([]);
      case entryKind.fence:
        applyFence(this.#state, reader);
        return stepOf([]);
      case entryKind.releaseTold:
        this.#state.walReleasedMs = -1;
        return stepOf([]);
      case entryKind.createPartitions:
        return stepOf(applyCreate(this.#state, reader));
      case entryKind.partitions:
        return stepOf(applyPartitions(this.#state, reader));
      case entryKind.deleteTopic:
        return stepOf(applyDeleteTopic(this.#state, reader.string(), this.#released));
      case entryKind.deleteRecords:
        return stepOf(applyStarts(this.#state, reader, this.#released));
      case entryKind.drain:
        applyDrain(this.#state, reader, this.#released);
        this.#merges.extentsMoved();
        // Followers keep the bytes that they were pushed.
        return stepOf([]);
      case entryKind.abandonedClaim:
        applyAbandonedClaim(this.#state);
        return stepOf([]);
      case entryKind.claim:
        applyClaim(this.#state, reader);
        return stepOf([]);
      case entryKind.merge:
        applyMerge(this.#state, reader, this.#released);
        this.#merges.extentsMoved();
        return stepOf([]);
      case entryKind.compaction:
        return stepOf(applyCompaction(this.#state, reader, this.#released));
      default:
        throw new OperatingError("corrupt", `journal row ${row.sequence} is of a kind that this version does not know`);
    }
  }

  /** The answer to the commit whose row was applied last. */
  commitReply(): CommitReply {
    if (this.#lastAnswer === undefined) throw new Error("no commit has been applied");
    return replyOf(this.#lastAnswer);
  }

  // Answers from memory.

  findBatches(requests: readonly FindRequest[]): FindReply {
    return { cursor: this.cursor, results: requests.map((request) => this.#reads.find(request)) };
  }

  /** Undefined: nothing is newer than the cursor, so the caller waits for the next row. */
  updatesSince(cursor: Cursor): FollowReply | undefined {
    return this.#ring.since(cursor);
  }

  listOffsets(queries: readonly OffsetQuery[]): OffsetAnswer[] {
    return queries.map((query) => this.#reads.offsetOf(query));
  }

  epochEnds(queries: readonly EpochEndQuery[]): EpochEndAnswer[] {
    return queries.map((query) => this.#reads.epochEnd(query));
  }

  describePartitions(partitions: readonly PartitionRef[]): PartitionDescription[] {
    return describePartitions(this.#state, partitions);
  }

  /** Where their bytes lie, in at most so many runs each. */
  walkExtents(partitions: readonly PartitionRef[], runs: number): ExtentWalk {
    return new ExtentWalk(this.#state, partitions, runs);
  }

  storedBytes(): StoredBytes {
    return storedBytes(this.#state);
  }

  // Rows and snapshots.

  get snapshotDue(): boolean {
    return this.#upkeep.snapshotDue;
  }

  snapshot(): readonly Uint8Array[] {
    return writeSnapshot(this.#state);
  }

  /** A snapshot of this moment, to be written in steps; one that was begun before is given up. */
  beginSnapshot(): void {
    this.#snapshotWork = new SnapshotWork(this.#state, this.#options.snapshotLimits);
    this.#upkeep.snapshotBegun();
  }

  /** A few milliseconds of it. Undefined: none was begun. */
  stepSnapshot(): SnapshotStep | undefined {
    const step = this.#snapshotWork?.step();
    if (step?.kind !== "last") return step;
    this.#snapshotWork = undefined;
    // Rows up to there are needed for their inline bytes alone.
    this.#upkeep.snapshotWritten(step.cursor, step.byteLength);
    return step;
  }

  /** Rows below the snapshot that nobody needs any more, to be deleted: at most `max` at a time. */
  takeDeadRows(max: number): readonly number[] {
    return this.#upkeep.takeDeadRows(max);
  }

  /** Before any row is applied. `rowsHeld`: those of the journal that the snapshot covers, some of them perhaps not deleted in time. */
  restore(chunks: readonly Uint8Array[], rowsHeld: (cursor: Cursor) => Iterable<number>): void {
    this.#state = readSnapshot(chunks);
    this.#reads = this.#newReads();
    this.#retention = this.#newRetention();
    this.#collection = this.#newCollection();
    this.#merges = this.#newMerges();
    this.#ring = new FollowRing(this.cursor);
    this.#upkeep = new JournalUpkeep();
    this.#snapshotWork = undefined;
    const byteLength = chunks.reduce((sum, { length }) => sum + length, 0);
    this.#upkeep.snapshotWritten(this.cursor, byteLength);
    const needed = this.#state.sources.inlineRows();
    for (const row of rowsHeld(this.cursor)) {
      if (!needed.has(row)) this.#upkeep.released({ kind: "inline", row, byteLength: 0 });
    }
  }
}

function replyOf(answer: KeptAnswer): CommitReply {
  return { kind: "committed", results: resultsOf(answer), cursor: answer.cursor };
}
