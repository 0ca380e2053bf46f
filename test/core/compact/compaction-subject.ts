/**
 * A partition that is compacted over rows and a store, with its merger beside it, and the log as a reader gets it: what tests of compaction
 * drive. Batches are what a broker would commit, transactional ones too.
 */
import { expect } from "vitest";
import { MemoryCoordinator, MemoryRows } from "../../../core/cell/memory-coordinator.ts";
import type { MergeClaim, PartitionSettings } from "../../../core/coordinator.ts";
import { settingDefaults } from "../../../core/settings.ts";
import { writeCompacted } from "../../../durable-objects/compact-work.ts";
import { writeMerged } from "../../../durable-objects/merge-work.ts";
import { compress } from "../../../kernel/compress.ts";
import { decompress } from "../../../kernel/decompress.ts";
import type { BatchHeader } from "../../../kernel/interface.ts";
import { kernel } from "../../../kernel/kernel.ts";
import { MemoryObjectStore } from "../../../storage/memory.ts";
import { Chain, createTime } from "../../contract/commits.ts";
import { encodeBatch, encodeRecords } from "../../kernel/batch-builder.ts";

export const ref = { topicId: "5f0c9a52-6d7b-4a51-9d0e-0a1b2c3d4e5f", partition: 0 };
const secret = [3, 1, 4, 1] as const;

export interface KeyedRecord {
  readonly key: string;
  /** Null: a tombstone. */
  readonly value: string | null;
}

export interface ProduceOptions {
  readonly codec?: number;
  readonly producerId?: number;
  readonly producerEpoch?: number;
  readonly baseSequence?: number;
  /** The transaction's number. */
  readonly generation?: number;
  readonly stamped?: boolean;
}

export interface SeenRecord {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: string;
  readonly value: string | null;
}

const text = (bytes: Uint8Array | null): string | null => (bytes === null ? null : new TextDecoder().decode(bytes));
const bytesOf = (string: string): Uint8Array => new TextEncoder().encode(string);

export class CompactionSubject {
  readonly rows = new MemoryRows();
  readonly store = new MemoryObjectStore();
  coordinator: MemoryCoordinator;
  nowMs = 1_700_000_000_000;
  /** What claims held, by kind. */
  readonly claims: MergeClaim["kind"][] = [];
  readonly #chain = new Chain();

  constructor() {
    this.coordinator = this.#opened();
  }

  async create(settings: Partial<PartitionSettings> = {}): Promise<this> {
    const compacted = { cleanupPolicy: "compact", segmentMs: 1, minCleanableDirtyMillionths: 0, deleteRetentionMs: 1000 } as const;
    await this.coordinator.createPartitions([ref], { ...createTime, ...compacted, ...settings });
    return this;
  }

  #opened(): MemoryCoordinator {
    const settings = { ...settingDefaults, "merge.bytes": 0, "log.cleaner.backoff.ms": 0 };
    return new MemoryCoordinator({ rows: this.rows, settings, now: () => this.nowMs });
  }

  restart(): void {
    this.coordinator = this.#opened();
  }

  /** Answers the base offset. */
  async produce(records: readonly KeyedRecord[], options: ProduceOptions = {}): Promise<number> {
    const { codec = 0, producerId = -1, producerEpoch = 0, baseSequence = 0, generation, stamped = false } = options;
    const specs = records.map(({ key, value }) => ({ key: bytesOf(key), value: value === null ? null : bytesOf(value) }));
    const attributes = codec | (generation === undefined ? 0 : 16) | (stamped ? 8 : 0);
    const batch = encodeBatch({
      records: specs,
      attributes,
      baseTimestamp: BigInt(this.nowMs),
      maxTimestamp: BigInt(this.nowMs + (stamped ? 77 : records.length - 1)),
      ...(producerId >= 0 && { producerId: BigInt(producerId), producerEpoch, baseSequence }),
      ...(codec > 0 && { body: await compress(codec, encodeRecords(specs)) }),
    });
    const [header] = kernel.batches(batch) as [BatchHeader];
    const coordinates = { ...header, ...(generation !== undefined && { transactionGeneration: generation }) };
    const request = this.#chain.object([[ref, [coordinates]]]);
    if (request.source.kind === "object") await this.store.put(`wal/0/1/${request.source.sequence}`, batch);
    const reply = await this.coordinator.commit(request);
    if (reply.kind !== "committed" || reply.results[0]!.errorCode !== 0) throw new Error(`not committed: ${JSON.stringify(reply)}`);
    return reply.results[0]!.baseOffset;
  }

  async end(producerId: number, generation: number, commit: boolean, producerEpoch = 0): Promise<void> {
    const marker = { producerId, producerEpoch, coordinatorEpoch: 0, generation, commit, partitions: [ref] };
    expect(await this.coordinator.writeMarkers([marker])).toEqual([[0]]);
  }

  /** Answers whether the claim was committed. */
  async carryOut(claim: MergeClaim): Promise<boolean> {
    this.claims.push(claim.kind);
    const outcome =
      claim.kind === "compacted"
        ? await writeCompacted(claim, this.store, kernel, { secret })
        : { ...(await writeMerged(claim, this.store, kernel)), compacted: undefined };
    expect(outcome.damage).toEqual([]);
    return this.coordinator.commitMergeNow(claim.number, outcome.compacted).kind === "committed";
  }

  /** Until nothing is due. */
  async mergeAll(): Promise<void> {
    for (let claim = this.claim(); claim !== undefined; claim = this.claim()) expect(await this.carryOut(claim)).toBe(true);
  }

  claim(): MergeClaim | undefined {
    const reply = this.coordinator.claimMergeNow();
    return reply.kind === "claimed" ? reply.claim : undefined;
  }

  /** What it takes to have the older of what is there compacted: a last record, and time. */
  async compactAll(laterMs = 10): Promise<void> {
    this.nowMs += laterMs;
    await this.produce([{ key: "last", value: "last" }]);
    this.nowMs += 100;
    await this.mergeAll();
  }

  /** Batches from an offset on with their bytes, as a broker makes them. */
  async batches(offset = 0): Promise<{ readonly header: BatchHeader; readonly bytes: Uint8Array }[]> {
    const { results } = this.coordinator.cell.findBatches([{ ...ref, offset, maxBytes: 1e12 }]);
    const found = [];
    let end = results[0]!.extents[0]?.baseOffset ?? 0;
    for (const { source, byteLength, baseOffset, nextOffset, leaderEpoch, compacted } of results[0]!.extents) {
      expect(baseOffset).toBe(end);
      end = nextOffset;
      const range = { start: source.kind === "object" ? source.byteStart : 0, length: byteLength };
      const bytes = source.kind === "inline" ? source.records.slice() : (await this.store.get(source.key, range))!;
      expect(bytes).toHaveLength(byteLength);
      if (compacted !== true) kernel.assignOffsets(bytes, baseOffset, leaderEpoch);
      for (const header of kernel.batches(bytes)) {
        const batch = bytes.subarray(header.position, header.position + header.size);
        expect(header.baseOffset).toBeGreaterThanOrEqual(baseOffset);
        expect(header.baseOffset + header.offsetCount).toBeLessThanOrEqual(nextOffset);
        expect(kernel.crc32c(batch.subarray(21))).toBe(new DataView(batch.buffer, batch.byteOffset).getUint32(17));
        if (header.baseOffset + header.offsetCount > offset) found.push({ header, bytes: batch });
      }
    }
    expect(end).toBe(results[0]!.extents.length === 0 ? 0 : results[0]!.bounds.highWatermark);
    return found;
  }

  /** As consumers of either isolation see it, markers left out. */
  async read(readCommitted = false): Promise<SeenRecord[]> {
    const start = this.coordinator.cell.findBatches([{ ...ref, offset: 0, maxBytes: 1 }]).results[0]!.bounds.logStartOffset;
    const { abortedTransactions, bounds } = this.coordinator.cell.findBatches([{ ...ref, offset: start, maxBytes: 1e12 }])
      .results[0]!;
    const ahead = abortedTransactions.map(({ producerId, firstOffset }) => ({ producerId, firstOffset }));
    const aborted = new Set<number>();
    const seen: SeenRecord[] = [];
    for (const { header, bytes } of await this.batches(start)) {
      const lastOffset = header.baseOffset + header.offsetCount - 1;
      if (readCommitted && lastOffset >= bounds.lastStableOffset) break;
      while (ahead.length > 0 && ahead[0]!.firstOffset <= lastOffset) aborted.add(ahead.shift()!.producerId);
      if ((header.attributes & 32) !== 0) {
        // As the Java consumer: an abort marker ends the producer's aborted transaction.
        if (header.recordCount > 0 && bytes[69] === 0) aborted.delete(header.producerId);
        continue;
      }
      if (readCommitted && (header.attributes & 16) !== 0 && aborted.has(header.producerId)) continue;
      const body = await decompress(header.attributes & 7, bytes.subarray(61), 1 << 24);
      const records = kernel.records(header, body);
      expect(records).toHaveLength(header.recordCount);
      for (const { offset, timestamp, key, value } of records) {
        if (offset >= start) seen.push({ offset, timestamp, key: text(key)!, value: text(value) });
      }
    }
    return seen;
  }

  get highWatermark(): number {
    return this.coordinator.cell.findBatches([{ ...ref, offset: 0, maxBytes: 1 }]).results[0]!.bounds.highWatermark;
  }

  abortedCount(): number {
    return this.coordinator.cell.findBatches([{ ...ref, offset: 0, maxBytes: 1e12 }]).results[0]!.abortedTransactions.length;
  }
}
