/** A cell over rows and a store that may lose its rows, and be rebuilt from the store: what tests of recovery drive. Every record is told apart. */
import { expect } from "vitest";
import { MemoryCoordinator, MemoryRows } from "../../../core/cell/memory-coordinator.ts";
import { mergedObject } from "../../../core/cell/drain.ts";
import type { BatchCoordinates, CommitEntry, MergeClaim, PartitionRef } from "../../../core/coordinator.ts";
import type { PartitionReport } from "../../../core/recover/recovered.ts";
import { settingDefaults } from "../../../core/settings.ts";
import type { TransactionDescription } from "../../../core/transaction/requests.ts";
import { encodeWalObject } from "../../../core/wal/format.ts";
import { walKey } from "../../../core/wal/key.ts";
import { writeMerged } from "../../../durable-objects/merge-work.ts";
import { recoverCell, type CellRecovery } from "../../../durable-objects/recovery.ts";
import { kernel } from "../../../kernel/kernel.ts";
import { MemoryObjectStore } from "../../../storage/memory.ts";
import { createTime } from "../../contract/commits.ts";
import { encodeBatch } from "../../kernel/batch-builder.ts";

export const gap = 1000;
const topicIds = ["00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"] as const;
export const at = (partition: number, topic = 0): PartitionRef => ({ topicId: topicIds[topic]!, partition });
const isSame = (left: PartitionRef, right: PartitionRef): boolean =>
  left.topicId === right.topicId && left.partition === right.partition;
export const allRefs = [at(0), at(1), at(0, 1)];

/** A batch to be: one record. */
export interface Wanted {
  readonly ref: PartitionRef;
  readonly producer?: { readonly id: number; readonly sequence: number; readonly epoch?: number };
  /** The number of the transaction that it is part of. */
  readonly transaction?: number;
  readonly timestamp?: number;
}

export interface ReadRecord {
  readonly offset: number;
  readonly value: number;
  /** Where it lies: wal, merged, segment or inline. */
  readonly kind: string;
}

interface BrokerState {
  readonly id: number;
  sequence: number;
  number: number;
}

export class RecoverySubject {
  readonly store = new MemoryObjectStore();
  readonly settings = { ...settingDefaults, "inline.drain.bytes": 0, "merge.bytes": 0 };
  readonly #brokers: readonly BrokerState[] = [0, 1].map((id) => ({ id, sequence: 0, number: 0 }));
  rows = new MemoryRows();
  cell = 0;
  coordinator = this.#open();
  epoch = 0;
  nowMs = 1_700_000_000_000;
  produced = 0;

  #open(): MemoryCoordinator {
    return new MemoryCoordinator({ cell: this.cell, rows: this.rows, settings: this.settings, now: () => this.nowMs });
  }

  /** `segmentBytes` of the first topic. */
  async create(segmentBytes?: number): Promise<this> {
    await this.coordinator.createPartitions(allRefs, createTime);
    if (segmentBytes !== undefined) await this.coordinator.createPartitions([at(0), at(1)], { ...createTime, segmentBytes });
    return this;
  }

  #batch({ producer, transaction, timestamp = this.nowMs }: Wanted): {
    readonly bytes: Uint8Array;
    readonly coordinates: BatchCoordinates;
  } {
    this.produced += 1;
    const value = new TextEncoder().encode(`value-${this.produced}-${"x".repeat(this.produced % 50)}`);
    const times = { baseTimestamp: BigInt(timestamp), maxTimestamp: BigInt(timestamp) };
    const of = producer && { producerId: BigInt(producer.id), producerEpoch: producer.epoch ?? 0, baseSequence: producer.sequence };
    const bytes = encodeBatch({ records: [{ value }], ...times, ...of, attributes: transaction === undefined ? 0 : 16 });
    const [header] = kernel.batches(bytes);
    return { bytes, coordinates: { ...header!, ...(transaction !== undefined && { transactionGeneration: transaction }) } };
  }

  /** One commit; answers the values and their offsets. `footer` false: the PUT was the last that happened. */
  async produce(wanted: readonly Wanted[], way: "inline" | "object", broker = 0, commits = true): Promise<readonly number[]> {
    const state = this.#brokers[broker]!;
    const made = wanted.map((one) => ({ ref: one.ref, ...this.#batch(one) }));
    const refs = allRefs.filter((ref) => made.some((one) => isSame(one.ref, ref)));
    const parts = refs.map((ref) => made.filter((one) => isSame(one.ref, ref)));
    const entries: CommitEntry[] = [];
    let byteStart = 0;
    for (const [index, part] of parts.entries()) {
      entries.push({ ...refs[index]!, byteStart, batches: part.map(({ coordinates }) => coordinates) });
      byteStart += part.reduce((sum, { bytes }) => sum + bytes.length, 0);
    }
    const body = made.length === 0 ? new Uint8Array(0) : concat(parts.flat().map(({ bytes }) => bytes));
    const identity = { brokerId: state.id, brokerEpoch: 1 };
    let source: Parameters<MemoryCoordinator["commit"]>[0]["source"] = { kind: "inline", records: body };
    if (way === "object") {
      state.sequence += 1;
      const walParts = parts.map((part, index) => ({
        cell: this.cell,
        ...refs[index]!,
        records: part.map(({ bytes }) => bytes),
        batchCount: part.length,
        maxTimestamp: Math.max(...part.map(({ coordinates }) => coordinates.maxTimestamp)),
      }));
      const object = encodeWalObject({ ...identity, sequence: state.sequence }, walParts, (bytes) => kernel.crc32c(bytes));
      await this.store.put(walKey({ ...identity, sequence: state.sequence }), object);
      source = { kind: "object", sequence: state.sequence, byteLength: object.length };
    }
    if (!commits) return [];
    state.number += 1;
    const reply = await this.coordinator.commit({ ...identity, number: state.number, source, entries });
    if (reply.kind !== "committed") throw new Error(reply.kind);
    return reply.results.map(({ errorCode, baseOffset }) => (errorCode === 0 ? baseOffset : -errorCode));
  }

  async marker(producerId: number, generation: number, commit: boolean, partitions: readonly PartitionRef[]): Promise<void> {
    const request = { producerId, producerEpoch: 0, coordinatorEpoch: 0, generation, commit, partitions };
    await this.coordinator.writeMarkers([request]);
  }

  async drain(): Promise<void> {
    const plan = this.coordinator.cell.planDrain();
    if (plan === undefined) return;
    await this.store.put(
      plan.key,
      mergedObject(plan, (row) => this.rows.read(row), kernel),
    );
    this.coordinator.commitDrain(plan);
  }

  async claim(): Promise<MergeClaim | undefined> {
    this.nowMs += 1000;
    const reply = this.coordinator.claimMergeNow();
    if (reply.kind !== "claimed") return undefined;
    expect((await writeMerged(reply.claim, this.store, kernel)).damage).toEqual([]);
    return reply.claim;
  }

  async merge(): Promise<boolean> {
    const claim = await this.claim();
    return claim !== undefined && this.coordinator.commitMergeNow(claim.number).kind === "committed";
  }

  /** Write-ahead objects that no extent refers to are gone. */
  async collect(): Promise<void> {
    const { objects } = await this.store.list("wal/");
    const held = new Set(this.coordinator.cell.collection.holds(objects.map(({ key }) => key)));
    await this.store.delete(objects.map(({ key }) => key).filter((key) => !held.has(key)));
  }

  /** All records of a partition from its start on, and what stands for offsets without records. */
  async read(
    ref: PartitionRef,
  ): Promise<{ readonly records: readonly ReadRecord[]; readonly start: number; readonly end: number }> {
    const [edge] = this.coordinator.cell.findBatches([{ ...ref, offset: 0, maxBytes: 1e12 }]).results;
    const { logStartOffset: start, highWatermark: end } = edge!.bounds;
    const records: ReadRecord[] = [];
    for (let offset = start; offset < end;) {
      const [result] = this.coordinator.cell.findBatches([{ ...ref, offset, maxBytes: 1e12 }]).results;
      for (const { source, byteLength, baseOffset, nextOffset, leaderEpoch } of result!.extents) {
        const range = { start: source.kind === "object" ? source.byteStart : 0, length: byteLength };
        const bytes = source.kind === "inline" ? source.records : (await this.store.get(source.key, range))!;
        expect(bytes).toHaveLength(byteLength);
        expect(kernel.assignOffsets(bytes, baseOffset, leaderEpoch)).toBe(nextOffset);
        const kind = source.kind === "inline" ? "inline" : source.key.slice(0, source.key.indexOf("/"));
        for (const header of kernel.batches(bytes)) {
          if ((header.attributes & 32) !== 0 || header.baseOffset < start) continue;
          const body = bytes.subarray(header.position + 61, header.position + header.size);
          for (const record of kernel.records(header, body)) {
            const value = Number(/value-(\d+)/.exec(new TextDecoder().decode(record.value!))![1]);
            records.push({ offset: record.offset, value, kind });
          }
        }
        offset = nextOffset;
      }
    }
    return { records, start, end };
  }

  /** The rows are gone; a new cell begins with what the store has. */
  async recover(
    more: { readonly transactions?: readonly TransactionDescription[]; readonly retentionMs?: number } = {},
  ): Promise<CellRecovery> {
    const partitions = allRefs.map((ref) => ({
      ...ref,
      leaderEpoch: this.epoch,
      retentionMs: more.retentionMs ?? -1,
      stamped: false,
    }));
    const recovery = await recoverCell(
      {
        newCell: this.cell + 1,
        cells: Array.from({ length: this.cell + 1 }, (_, cell) => cell),
        partitions,
        fences: this.#brokers.map(({ id }) => ({ brokerId: id, brokerEpoch: 1 })),
        doomed: [],
        transactions: more.transactions ?? [],
        offsetGap: gap,
        producerExpirationMs: settingDefaults["producer.id.expiration.ms"],
      },
      this.store,
      kernel,
      this.nowMs,
    );
    if (recovery.object !== undefined) await this.store.put(recovery.object.key, recovery.object.bytes);
    this.cell += 1;
    this.epoch += 1;
    this.rows = new MemoryRows();
    this.coordinator = this.#open();
    this.coordinator.cell.takeOver(recovery.snapshot);
    this.coordinator.takeSnapshot();
    for (const broker of this.#brokers) broker.number = 0;
    return recovery;
  }

  reopened(): MemoryCoordinator {
    return this.#open();
  }
}

export function reportOf({ partitions }: CellRecovery, ref: PartitionRef): PartitionReport {
  return partitions.find(({ topicId, partition }) => topicId === ref.topicId && partition === ref.partition)!;
}

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let position = 0;
  for (const piece of pieces) {
    bytes.set(piece, position);
    position += piece.length;
  }
  return bytes;
}
