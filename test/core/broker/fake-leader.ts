/**
 * A leader of one cell as the broker's tests need it: the commit chain, offsets, extents, pushes. Its log keeps every committed
 * batch's bytes, so that tests can say what is true. Nothing here decides anything that core/cell decides in earnest.
 */
import type {
  AbortedTransaction,
  BatchResult,
  CommitReply,
  CommitRequest,
  Extent,
  FindReply,
  FindRequest,
  FollowReply,
  FollowUpdate,
  PartitionBounds,
} from "../../../core/coordinator.ts";
import { controlBatchBytes, writeControlBatch } from "../../../core/cell/control-batch.ts";
import { walKey } from "../../../core/wal/key.ts";

interface Log {
  readonly extents: Extent[];
  readonly deleted: boolean;
  logStartOffset: number;
  highWatermark: number;
  /** Undefined: the high watermark. */
  lastStableOffset: number | undefined;
  aborted: AbortedTransaction[];
}

export interface CommittedBatch {
  readonly baseOffset: number;
  readonly offsetCount: number;
  readonly bytes: () => Uint8Array;
}

export class FakeLeader {
  readonly cell: number;
  inlineFull = false;
  commits = 0;
  lastRequest: CommitRequest | undefined;
  readonly #objects: Map<string, Uint8Array>;
  readonly #logs = new Map<string, Log>();
  readonly #committed = new Map<string, CommittedBatch[]>();
  readonly #journal: { cursor: number; updates: FollowUpdate[] }[] = [];
  #epoch = 0;
  #answers: CommitReply[] = [];
  /** Numbers whose commit was applied, in the order of application: the chain in the flesh. */
  readonly applied: { epoch: number; number: number }[] = [];

  constructor(cell: number, objects: Map<string, Uint8Array>) {
    this.cell = cell;
    this.#objects = objects;
  }

  get cursor(): number {
    return this.#journal.length;
  }

  log(topicId: string, partition: number): Log {
    const key = `${topicId}/${partition}`;
    let log = this.#logs.get(key);
    if (log === undefined) {
      log = { extents: [], deleted: false, logStartOffset: 0, highWatermark: 0, lastStableOffset: undefined, aborted: [] };
      this.#logs.set(key, log);
    }
    return log;
  }

  committedBatches(topicId: string, partition: number): readonly CommittedBatch[] {
    return this.#committed.get(`${topicId}/${partition}`) ?? [];
  }

  bounds(topicId: string, partition: number): PartitionBounds {
    const { logStartOffset, highWatermark, lastStableOffset } = this.log(topicId, partition);
    return { logStartOffset, highWatermark, lastStableOffset: lastStableOffset ?? highWatermark, leaderEpoch: 0 };
  }

  delete(topicId: string, partition: number): void {
    this.#logs.set(`${topicId}/${partition}`, { ...this.log(topicId, partition), deleted: true });
    this.#journal.push({ cursor: this.cursor + 1, updates: [{ kind: "deleted", topicId, partition }] });
  }

  fence(): void {
    this.#epoch += 1000;
    this.#answers = [];
  }

  commit(request: CommitRequest): CommitReply {
    this.commits += 1;
    this.lastRequest = request;
    if (request.brokerEpoch < this.#epoch) return { kind: "fenced", brokerEpoch: this.#epoch };
    if (request.brokerEpoch > this.#epoch) {
      this.#epoch = request.brokerEpoch;
      this.#answers = [];
    }
    const known = this.#answers[request.number - 1];
    if (known !== undefined) return known;
    if (request.number !== this.#answers.length + 1) return { kind: "ahead", expected: this.#answers.length + 1 };
    if (request.source.kind === "inline" && this.inlineFull) return { kind: "inline-full" };
    const reply = this.#apply(request);
    this.#answers.push(reply);
    this.applied.push({ epoch: request.brokerEpoch, number: request.number });
    return reply;
  }

  #apply(request: CommitRequest): CommitReply {
    const results: BatchResult[] = [];
    const updates: FollowUpdate[] = [];
    // A leader keeps inline bytes: as a copy, whatever the sender does with its own.
    const inline = request.source.kind === "inline" ? request.source.records.slice() : undefined;
    const key = request.source.kind === "object" ? walKey({ ...request, sequence: request.source.sequence }) : "";
    for (const { topicId, partition, byteStart, batches } of request.entries) {
      const log = this.log(topicId, partition);
      let position = byteStart;
      const first = log.highWatermark;
      for (const batch of batches) {
        if (log.deleted) {
          results.push({
            errorCode: 3,
            baseOffset: -1,
            duplicate: false,
            logStartOffset: -1,
            logAppendTimeMs: -1,
            leaderEpoch: -1,
          });
          continue;
        }
        const baseOffset = log.highWatermark;
        log.highWatermark += batch.offsetCount;
        const at = position;
        const bytes = (): Uint8Array => {
          const source = inline ?? this.#objects.get(key);
          if (source === undefined) throw new Error(`committed, but ${key} is not stored`);
          return source.slice(at, at + batch.size);
        };
        const list = this.#committed.get(`${topicId}/${partition}`) ?? [];
        this.#committed.set(`${topicId}/${partition}`, list);
        list.push({ baseOffset, offsetCount: batch.offsetCount, bytes });
        results.push({
          errorCode: 0,
          baseOffset,
          duplicate: false,
          logStartOffset: log.logStartOffset,
          logAppendTimeMs: -1,
          leaderEpoch: 0,
        });
        position += batch.size;
      }
      if (log.highWatermark === first) continue;
      const extent: Extent = {
        baseOffset: first,
        nextOffset: log.highWatermark,
        byteLength: position - byteStart,
        maxTimestamp: 0,
        leaderEpoch: 0,
        source:
          inline === undefined
            ? { kind: "object", key, byteStart }
            : { kind: "inline", records: inline.slice(byteStart, position) },
      };
      log.extents.push(extent);
      updates.push({ kind: "appended", topicId, partition, extent, bounds: this.bounds(topicId, partition) });
    }
    this.#journal.push({ cursor: this.cursor + 1, updates });
    return { kind: "committed", results, cursor: this.cursor };
  }

  raiseStable(topicId: string, partition: number, lastStableOffset: number | undefined): void {
    this.log(topicId, partition).lastStableOffset = lastStableOffset;
    const update: FollowUpdate = { kind: "bounds", topicId, partition, bounds: this.bounds(topicId, partition) };
    this.#journal.push({ cursor: this.cursor + 1, updates: [update] });
  }

  /** Ends a transaction: what is stable now, and the marker, which tells what it aborted. */
  mark(
    topicId: string,
    partition: number,
    lastStableOffset: number | undefined,
    aborts?: Omit<AbortedTransaction, "lastOffset">,
  ): void {
    const log = this.log(topicId, partition);
    const baseOffset = log.highWatermark;
    const records = new Uint8Array(controlBatchBytes);
    const producerId = aborts?.producerId ?? 1;
    writeControlBatch(records, {
      producerId,
      producerEpoch: 0,
      coordinatorEpoch: 0,
      commit: aborts === undefined,
      timestampMs: 0,
      stamped: false,
    });
    log.highWatermark += 1;
    log.lastStableOffset = lastStableOffset;
    const bytes = { byteLength: records.length, maxTimestamp: 0, leaderEpoch: 0 };
    const extent: Extent = { baseOffset, nextOffset: baseOffset + 1, ...bytes, source: { kind: "inline", records } };
    log.extents.push(extent);
    const aborted = aborts && { ...aborts, lastOffset: baseOffset };
    if (aborted !== undefined) log.aborted.push(aborted);
    const update = { kind: "appended" as const, topicId, partition, extent, bounds: this.bounds(topicId, partition) };
    this.#journal.push({ cursor: this.cursor + 1, updates: [{ ...update, ...(aborted && { aborted }) }] });
  }

  /** Undefined while there is nothing new. */
  follow(cursor: number): FollowReply | undefined {
    if (cursor >= this.cursor) return undefined;
    const updates = this.#journal.slice(cursor).flatMap((entry) => entry.updates.map(copyOfUpdate));
    return { cursor: this.cursor, gap: false, updates };
  }

  find(requests: readonly FindRequest[]): FindReply {
    const results = requests.map(({ topicId, partition, offset, maxBytes }) => {
      const log = this.log(topicId, partition);
      const bounds = this.bounds(topicId, partition);
      const result = { topicId, partition, errorCode: 0, bounds, extents: [] as Extent[], abortedTransactions: [] };
      if (log.deleted) return { ...result, errorCode: 3 };
      if (offset < log.logStartOffset || offset > log.highWatermark) return { ...result, errorCode: 1 };
      let bytes = 0;
      for (const extent of log.extents) {
        if (extent.nextOffset <= offset) continue;
        result.extents.push(copyOf(extent));
        bytes += extent.byteLength;
        if (bytes >= maxBytes) break;
      }
      const end = result.extents.at(-1)?.nextOffset ?? offset;
      const abortedTransactions = log.aborted.filter(({ firstOffset, lastOffset }) => lastOffset >= offset && firstOffset < end);
      return { ...result, abortedTransactions };
    });
    return { cursor: this.cursor, results };
  }
}

function copyOf(extent: Extent): Extent {
  const { source } = extent;
  return source.kind === "object" ? extent : { ...extent, source: { kind: "inline", records: source.records.slice() } };
}

function copyOfUpdate(update: FollowUpdate): FollowUpdate {
  return update.kind === "appended" ? { ...update, extent: copyOf(update.extent) } : update;
}
