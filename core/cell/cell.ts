/**
 * The leader of a cell, pure (D5, D6, D15): answers what can be answered from memory, and turns every change into one journal row
 * that the shell makes durable before it is applied. A shell that dies between the two has lost nothing it told anybody; one that
 * starts again applies the rows and is where it was.
 */
import type {
  BatchResult,
  CommitReply,
  CommitRequest,
  Cursor,
  EpochEndAnswer,
  EpochEndQuery,
  Extent,
  FindReply,
  FindRequest,
  FindResult,
  FollowReply,
  FollowUpdate,
  OffsetAnswer,
  OffsetQuery,
  OffsetSpec,
  PartitionBounds,
  PartitionDescription,
  PartitionRef,
  PartitionSettings,
  TopicId,
} from "../coordinator.ts";
import { OperatingError } from "../operating-error.ts";
import { errorCodes } from "../../protocol/errors.ts";
import type { Settings } from "../settings.ts";
import { walKey } from "../wal/key.ts";
import { applyCommit } from "./apply-commit.ts";
import { judgeNumber, resultsOf, type KeptAnswer } from "./broker-chains.ts";
import { CellState } from "./cell-state.ts";
import { commitEntry } from "./decide-commit.ts";
import { describePartitions } from "./describe-partitions.ts";
import { entryKind } from "./entry-kind.ts";
import type { StoredExtent } from "./extent-log.ts";
import { FollowRing } from "./follow-ring.ts";
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
  readonly settings: Pick<Settings, "inline.bytes.max" | "producer.id.expiration.ms">;
  readonly inlineRows: InlineRows;
}

type TimeSpec = Extract<OffsetSpec, { readonly kind: "timestamp" | "max-timestamp" }>;

export type CommitDecision =
  | { readonly kind: "answer"; readonly reply: CommitReply }
  /** Make the row durable, then `applyRow` it and answer with `commitReply`. */
  | { readonly kind: "journal"; readonly row: JournalRow };

/** SQLite's limit for a value is 2 MB (D6). */
const rowBytesMax = 1_900_000;
/** A broker keeps no more of one look-up; inline extents are read from a row each. */
const foundExtentsMax = 512;
const noBounds: PartitionBounds = { logStartOffset: -1, highWatermark: -1, lastStableOffset: -1, leaderEpoch: -1 };

export class Cell {
  readonly #options: CellOptions;
  #state = new CellState();
  #ring = new FollowRing(0);
  #lastAnswer: KeptAnswer | undefined;
  /** Rows whose inline bytes nobody needs any more since this was last asked. */
  #deadInlineRows: number[] = [];

  constructor(options: CellOptions) {
    this.#options = options;
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

  /** Memory of all extents' columns. */
  get extentMemoryBytes(): number {
    let bytes = this.#state.sources.memoryBytes;
    for (const log of this.#state.partitions.values()) bytes += log.extents.memoryBytes;
    return bytes;
  }

  // Changes: decided here, made durable by the shell, applied below.

  decideCommit(request: CommitRequest, nowMs: number): CommitDecision {
    const verdict = judgeNumber(this.#state.brokers.get(request.brokerId), request);
    if (verdict.kind === "repeated") return { kind: "answer", reply: replyOf(verdict.answer) };
    if (verdict.kind !== "next") return { kind: "answer", reply: verdict };
    const inline = request.source.kind === "inline" ? request.source.records : undefined;
    if (inline !== undefined && this.inlineBytes + inline.length > this.#options.settings["inline.bytes.max"]) {
      return { kind: "answer", reply: { kind: "inline-full" } };
    }
    checkEntries(request);
    const { entry, appends } = commitEntry(this.#state, request, nowMs, this.#options.settings["producer.id.expiration.ms"]);
    // Records that got no offset will never be read.
    return { kind: "journal", row: this.#row(entry, appends ? inline : undefined) };
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
    const moves: { readonly log: PartitionLog; readonly offset: number }[] = [];
    const answers = requests.map((request) => {
      const log = this.#state.find(request);
      if (log === undefined) return { errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION, logStartOffset: -1 };
      // -1 asks for everything up to the high watermark.
      const offset = request.beforeOffset === -1 ? log.nextOffset : request.beforeOffset;
      if (offset > log.nextOffset || offset < -1) return { errorCode: errorCodes.OFFSET_OUT_OF_RANGE, logStartOffset: -1 };
      if (offset > log.logStartOffset) moves.push({ log, offset });
      return { errorCode: 0, logStartOffset: Math.max(offset, log.logStartOffset) };
    });
    if (moves.length === 0) return { row: undefined, answers };
    const out = new PackedWriter();
    out.uint(entryKind.deleteRecords);
    out.uint(moves.length);
    for (const { log, offset } of moves) {
      out.uint(log.id);
      out.uint(offset);
    }
    return { row: this.#row(out.finish()), answers };
  }

  #row(entry: Uint8Array, inline?: Uint8Array): JournalRow {
    if (entry.length > rowBytesMax || (inline?.length ?? 0) > rowBytesMax) {
      throw new OperatingError("invalid", `a commit of ${entry.length} bytes and ${inline?.length ?? 0} inline fits in no row`);
    }
    return { sequence: this.#state.sequence + 1, entry, inline };
  }

  /** `live` false while starting: nobody follows yet. */
  applyRow(row: JournalRow, live: boolean): void {
    if (row.sequence !== this.#state.sequence + 1) {
      throw new OperatingError("corrupt", `journal row ${row.sequence} follows row ${this.#state.sequence}`);
    }
    const reader = new PackedReader(row.entry);
    const updates = this.#applyEntry(reader, row, live);
    if (!reader.atEnd) throw new OperatingError("corrupt", `journal row ${row.sequence} is longer than what it says`);
    this.#state.sequence = row.sequence;
    if (live) this.#ring.push(row.sequence, updates, row.inline?.length ?? 0);
    else this.#ring = new FollowRing(row.sequence);
  }

  #applyEntry(reader: PackedReader, row: JournalRow, live: boolean): readonly FollowUpdate[] {
    switch (reader.uint()) {
      case entryKind.commit: {
        const { answer, appended } = applyCommit(this.#state, reader, row.sequence);
        this.#lastAnswer = answer;
        if (!live) return [];
        return appended.map(({ log, extent }) => ({
          kind: "appended" as const,
          topicId: log.ref.topicId,
          partition: log.ref.partition,
          extent: this.#extent(log, extent, row.inline),
          // A log that grew twice in this commit ends, for now, where this extent does.
          bounds: { ...log.bounds, highWatermark: extent.nextOffset, lastStableOffset: extent.nextOffset },
        }));
      }
      case entryKind.createPartitions:
        return this.#applyCreate(reader);
      case entryKind.deleteTopic:
        return this.#applyDelete(reader.string());
      case entryKind.deleteRecords:
        return this.#applyDeleteRecords(reader);
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
      // One request may name a partition twice; the start never goes back [I2].
      log.logStartOffset = Math.max(log.logStartOffset, offset);
      this.#dropExtents(log, offset);
      updates.push({ kind: "bounds", ...log.ref, bounds: log.bounds });
    }
    return updates;
  }

  #dropExtents(log: PartitionLog, before: number): void {
    log.extents.dropBefore(before, log.nextOffset, (extent) => {
      const row = this.#state.sources.release(extent.source);
      if (row !== undefined) this.#deadInlineRows.push(row);
    });
  }

  /** The answer to the commit whose row was applied last. */
  commitReply(): CommitReply {
    if (this.#lastAnswer === undefined) throw new Error("no commit has been applied");
    return replyOf(this.#lastAnswer);
  }

  /** Journal rows that hold inline bytes nobody refers to: delete them when it suits. */
  takeDeadInlineRows(): readonly number[] {
    const rows = this.#deadInlineRows;
    this.#deadInlineRows = [];
    return rows;
  }

  // Questions.

  findBatches(requests: readonly FindRequest[]): FindReply {
    return { cursor: this.cursor, results: requests.map((request) => this.#find(request)) };
  }

  #find(request: FindRequest): FindResult {
    const { topicId, partition, offset, maxBytes } = request;
    const log = this.#state.find(request);
    const nothing = { topicId, partition, extents: [], abortedTransactions: [] };
    if (log === undefined) return { ...nothing, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION, bounds: noBounds };
    const { bounds } = log;
    if (offset < log.logStartOffset || offset > log.nextOffset) {
      return { ...nothing, errorCode: errorCodes.OFFSET_OUT_OF_RANGE, bounds };
    }
    const extents: Extent[] = [];
    let bytes = 0;
    if (offset < log.nextOffset) {
      log.extents.scan(offset, log.nextOffset, (extent) => {
        extents.push(this.#extent(log, extent));
        bytes += extent.byteLength;
        return bytes < maxBytes && extents.length < foundExtentsMax;
      });
    }
    return { ...nothing, errorCode: 0, bounds, extents };
  }

  /** Undefined: nothing is newer than the cursor, so the caller waits for the next row. */
  updatesSince(cursor: Cursor): FollowReply | undefined {
    return this.#ring.since(cursor);
  }

  listOffsets(queries: readonly OffsetQuery[]): OffsetAnswer[] {
    return queries.map((query) => {
      const { topicId, partition, spec } = query;
      const log = this.#state.find(query);
      const base = { topicId, partition, offset: -1, extents: [] };
      if (log === undefined) {
        return { ...base, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION, leaderEpoch: -1, bounds: noBounds };
      }
      const { bounds, leaderEpoch } = log;
      const found = { ...base, errorCode: 0, leaderEpoch, bounds };
      if (spec.kind === "earliest") return { ...found, offset: bounds.logStartOffset };
      if (spec.kind === "latest") return { ...found, offset: spec.readCommitted ? bounds.lastStableOffset : bounds.highWatermark };
      return { ...found, extents: extentsOfTime(log, spec).map((extent) => this.#extent(log, extent)) };
    });
  }

  epochEnds(queries: readonly EpochEndQuery[]): EpochEndAnswer[] {
    return queries.map(({ topicId, partition, leaderEpoch }) => {
      const log = this.#state.find({ topicId, partition });
      if (log === undefined) {
        return { topicId, partition, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION, leaderEpoch: -1, endOffset: -1 };
      }
      return { topicId, partition, errorCode: 0, ...log.epochEnd(leaderEpoch) };
    });
  }

  describePartitions(partitions: readonly PartitionRef[]): PartitionDescription[] {
    return describePartitions(this.#state, partitions);
  }

  #extent(log: PartitionLog, stored: StoredExtent, inline?: Uint8Array): Extent {
    const { baseOffset, nextOffset, byteStart, byteLength, maxTimestamp } = stored;
    const source = this.#state.sources.get(stored.source);
    return {
      baseOffset,
      nextOffset,
      byteLength,
      maxTimestamp,
      leaderEpoch: log.leaderEpoch,
      source:
        source.kind === "object"
          ? { kind: "object", key: walKey(source), byteStart }
          : {
              kind: "inline",
              records: (inline ?? this.#options.inlineRows.read(source.row)).slice(byteStart, byteStart + byteLength),
            },
    };
  }

  // Snapshots.

  snapshot(): readonly Uint8Array[] {
    return writeSnapshot(this.#state);
  }

  restore(chunks: readonly Uint8Array[]): void {
    this.#state = readSnapshot(chunks);
    this.#ring = new FollowRing(this.#state.sequence);
  }
}

/**
 * Where the record asked for may be. An extent that the log's start cuts through may hold it only below the start, so then the next
 * candidate goes along.
 */
function extentsOfTime(log: PartitionLog, spec: TimeSpec): readonly StoredExtent[] {
  const { extents, logStartOffset, nextOffset } = log;
  const best = (from: number): StoredExtent | undefined =>
    spec.kind === "timestamp" ? extents.firstWithTime(spec.timestamp, nextOffset, from) : extents.latestTime(nextOffset, from);
  const first = best(logStartOffset);
  if (first === undefined) return [];
  const second = first.baseOffset < logStartOffset ? best(first.nextOffset) : undefined;
  return second === undefined ? [first] : [first, second];
}

function replyOf(answer: KeptAnswer): CommitReply {
  const results: readonly BatchResult[] = resultsOf(answer);
  return { kind: "committed", results, cursor: answer.cursor };
}

/** A broker that lies about the shape of its commit is broken, and must not leave a row that cannot be applied. */
function checkEntries(request: CommitRequest): void {
  const { source } = request;
  const end = source.kind === "object" ? source.byteLength : source.records.length;
  const seen = new Set<string>();
  for (const { topicId, partition, byteStart, batches } of request.entries) {
    const key = `${topicId}/${partition}`;
    if (seen.has(key)) throw new OperatingError("invalid", `a commit names ${key} twice`);
    seen.add(key);
    let position = byteStart;
    for (const batch of batches) {
      if (!(batch.size > 0 && batch.offsetCount > 0))
        throw new OperatingError("invalid", `a commit carries an empty batch of ${key}`);
      position += batch.size;
    }
    if (!(byteStart >= 0) || position > end || batches.length === 0) {
      throw new OperatingError("invalid", `a commit's batches of ${key} lie outside of its bytes`);
    }
  }
}
