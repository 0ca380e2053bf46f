/**
 * The leader of a cell, pure (D5, D6, D15): answers what can be answered from memory, and turns every change into one journal row.
 * The shell applies and writes the row in one turn, and lets nobody hear of it before it is durable. A shell that dies between has
 * lost nothing it told anybody; one that starts again applies the rows and is where it was.
 */
import type {
  CommitReply,
  CommitRequest,
  Cursor,
  EpochEndAnswer,
  EpochEndQuery,
  FindReply,
  FindRequest,
  FollowReply,
  FollowUpdate,
  MarkerAnswer,
  MarkerRequest,
  OffsetAnswer,
  OffsetQuery,
  PartitionDescription,
  PartitionRef,
  PartitionSettings,
  TopicId,
} from "../coordinator.ts";
import { OperatingError } from "../operating-error.ts";
import { errorCodes } from "../../protocol/errors.ts";
import type { Settings } from "../settings.ts";
import { applyCommit } from "./apply-commit.ts";
import { judgeNumber, resultsOf, type KeptAnswer } from "./broker-chains.ts";
import { CellReads } from "./cell-reads.ts";
import { CellState } from "./cell-state.ts";
import { checkCommit } from "./check-commit.ts";
import { commitEntry } from "./decide-commit.ts";
import { describePartitions } from "./describe-partitions.ts";
import { applyDrain, drainEntry, planDrain, type DrainPlan } from "./drain.ts";
import { entryKind } from "./entry-kind.ts";
import { FollowRing, type Step } from "./follow-ring.ts";
import { stepOf, stepOfAppends } from "./follow-steps.ts";
import { JournalUpkeep } from "./journal-upkeep.ts";
import { applyMarkers, decideMarkers } from "./markers.ts";
import { PackedReader, PackedWriter } from "./packed-bytes.ts";
import type { PartitionLog } from "./partition-log.ts";
import { readSnapshot, writeSnapshot } from "./snapshot.ts";

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
  readonly settings: Pick<Settings, "inline.bytes.max" | "inline.drain.bytes" | "producer.id.expiration.ms">;
  readonly inlineRows: InlineRows;
}

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
  #lastAnswer: KeptAnswer | undefined;

  constructor(options: CellOptions) {
    this.#options = options;
    this.#producerExpirationMs = Math.min(Math.floor(options.settings["producer.id.expiration.ms"]), 2 ** 52);
    this.#reads = this.#newReads();
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
    let count = 0;
    for (const log of this.#state.partitions.values()) count += log.extents.count;
    return count;
  }

  /** Of all partitions: a producer that writes to many counts in each. */
  get producerCount(): number {
    let count = 0;
    for (const log of this.#state.partitions.values()) count += log.producers.count;
    return count;
  }

  get openTransactionCount(): number {
    let count = 0;
    for (const { producers } of this.#state.partitions.values()) {
      for (let row = 0; row < producers.count; row++) if (producers.openGeneration(row) > 0) count += 1;
    }
    return count;
  }

  get producerMemoryBytes(): number {
    let bytes = 0;
    for (const log of this.#state.partitions.values()) bytes += log.producers.memoryBytes;
    return bytes;
  }

  /** Memory of all extents' columns. */
  get extentMemoryBytes(): number {
    let bytes = this.#state.sources.memoryBytes + this.#state.inlineExtents.memoryBytes;
    for (const log of this.#state.partitions.values()) bytes += log.extents.memoryBytes;
    return bytes;
  }

  // Changes: decided here, written by the shell, applied below.

  decideCommit(request: CommitRequest, nowMs: number): CommitDecision {
    const verdict = judgeNumber(this.#state.brokers.get(request.brokerId), request);
    if (verdict.kind === "repeated") return { kind: "answer", reply: replyOf(verdict.answer) };
    if (verdict.kind !== "next") return { kind: "answer", reply: verdict };
    checkCommit(this.#state, request);
    const inline = request.source.kind === "inline" ? request.source.records : undefined;
    if (inline !== undefined && this.inlineBytes + inline.length > this.#options.settings["inline.bytes.max"]) {
      return { kind: "answer", reply: { kind: "inline-full" } };
    }
    const { entry, appends } = commitEntry(this.#state, request, nowMs, this.#producerExpirationMs);
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

  /** Partitions that exist already take the settings over. */
  decideCreatePartitions(partitions: readonly PartitionRef[], settings: PartitionSettings): JournalRow | undefined {
    const news = partitions.filter((ref) => this.#state.find(ref)?.settings.timestampType !== settings.timestampType);
    if (news.length === 0) return undefined;
    const out = new PackedWriter();
    out.uint(entryKind.createPartitions);
    out.uint(settings.timestampType === "LogAppendTime" ? 1 : 0);
    out.uint(news.length);
    for (const ref of news) {
      out.string(ref.topicId);
      out.uint(ref.partition);
    }
    return this.#row(out.finish());
  }

  decideDeleteTopic(topicId: TopicId): JournalRow | undefined {
    if (this.#state.ofTopic(topicId).length === 0) return undefined;
    const out = new PackedWriter();
    out.uint(entryKind.deleteTopic);
    out.string(topicId);
    return this.#row(out.finish());
  }

  /** One row for all that may move, and every partition's answer as it will be. */
  decideDeleteRecords(requests: readonly (PartitionRef & { readonly beforeOffset: number })[]): {
    readonly row: JournalRow | undefined;
    readonly answers: readonly { readonly errorCode: number; readonly logStartOffset: number }[];
  } {
    /** New starts; a request may name a partition twice, and a start never goes back [I2]. */
    const starts = new Map<PartitionLog, number>();
    const answers = requests.map((request) => {
      const log = this.#state.find(request);
      if (log === undefined) return { errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION, logStartOffset: -1 };
      // -1 asks for everything up to the high watermark.
      const offset = request.beforeOffset === -1 ? log.nextOffset : request.beforeOffset;
      if (!(offset >= 0 && offset <= log.nextOffset)) return { errorCode: errorCodes.OFFSET_OUT_OF_RANGE, logStartOffset: -1 };
      const logStartOffset = Math.max(offset, starts.get(log) ?? log.logStartOffset);
      if (logStartOffset > log.logStartOffset) starts.set(log, logStartOffset);
      return { errorCode: 0, logStartOffset };
    });
    if (starts.size === 0) return { row: undefined, answers };
    const out = new PackedWriter();
    out.uint(entryKind.deleteRecords);
    out.uint(starts.size);
    for (const [log, offset] of starts) {
      out.uint(log.id);
      out.uint(offset);
    }
    return { row: this.#row(out.finish()), answers };
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
  decideDrain(plan: DrainPlan): JournalRow | undefined {
    const entry = drainEntry(this.#state, plan);
    return entry && this.#row(entry);
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
      case entryKind.createPartitions:
        return stepOf(this.#applyCreate(reader));
      case entryKind.deleteTopic:
        return stepOf(this.#applyDelete(reader.string()));
      case entryKind.deleteRecords:
        return stepOf(this.#applyDeleteRecords(reader));
      case entryKind.drain:
        applyDrain(this.#state, reader, (dead) => this.#upkeep.released(dead));
        // Followers keep the bytes that they were pushed.
        return stepOf([]);
      default:
        throw new OperatingError("corrupt", `journal row ${row.sequence} is of a kind that this version does not know`);
    }
  }

  #applyCreate(reader: PackedReader): FollowUpdate[] {
    const timestampType = reader.uint() === 1 ? "LogAppendTime" : "CreateTime";
    const updates: FollowUpdate[] = [];
    for (let left = reader.uint(); left > 0; left--) {
      const ref = { topicId: reader.string(), partition: reader.uint() };
      const log = this.#state.find(ref) ?? this.#state.addPartition(this.#state.nextPartitionId, ref);
      log.settings = { timestampType };
      updates.push({ kind: "bounds", ...ref, bounds: log.bounds });
    }
    return updates;
  }

  #applyDelete(topicId: TopicId): FollowUpdate[] {
    const logs = this.#state.ofTopic(topicId);
    for (const log of logs) this.#dropExtents(log, Infinity);
    this.#state.removeTopic(topicId);
    return logs.map((log) => ({ kind: "deleted", ...log.ref }));
  }

  #applyDeleteRecords(reader: PackedReader): FollowUpdate[] {
    const updates: FollowUpdate[] = [];
    for (let left = reader.uint(); left > 0; left--) {
      const log = this.#state.partitions.get(reader.uint());
      const offset = reader.uint();
      if (log === undefined) throw new OperatingError("corrupt", "a journal row moves the start of a partition that is not there");
      log.logStartOffset = offset;
      log.aborted.dropBefore(offset);
      this.#dropExtents(log, offset);
      updates.push({ kind: "bounds", ...log.ref, bounds: log.bounds });
    }
    return updates;
  }

  #dropExtents(log: PartitionLog, before: number): void {
    log.extents.dropBefore(before, log.nextOffset, (extent) => {
      const dead = this.#state.sources.release(extent.source);
      if (dead !== undefined) this.#upkeep.released(dead);
    });
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

  // Rows and snapshots.

  get snapshotDue(): boolean {
    return this.#upkeep.snapshotDue;
  }

  snapshot(): readonly Uint8Array[] {
    return writeSnapshot(this.#state);
  }

  /** The snapshot of this moment is written: rows up to here are needed for their inline bytes alone. */
  snapshotWritten(chunks: readonly Uint8Array[]): void {
    this.#upkeep.snapshotWritten(this.cursor, byteLengthOf(chunks));
  }

  /** Rows below the snapshot that nobody needs any more, to be deleted: at most `max` at a time. */
  takeDeadRows(max: number): readonly number[] {
    return this.#upkeep.takeDeadRows(max);
  }

  /** Before any row is applied. `rowsHeld`: those of the journal that the snapshot covers, some of them perhaps not deleted in time. */
  restore(chunks: readonly Uint8Array[], rowsHeld: (cursor: Cursor) => Iterable<number>): void {
    this.#state = readSnapshot(chunks);
    this.#reads = this.#newReads();
    this.#ring = new FollowRing(this.cursor);
    this.#upkeep = new JournalUpkeep();
    this.snapshotWritten(chunks);
    const needed = this.#state.sources.inlineRows();
    for (const row of rowsHeld(this.cursor)) {
      if (!needed.has(row)) this.#upkeep.released({ kind: "inline", row, byteLength: 0 });
    }
  }
}

function replyOf(answer: KeptAnswer): CommitReply {
  return { kind: "committed", results: resultsOf(answer), cursor: answer.cursor };
}

function byteLengthOf(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0);
}
