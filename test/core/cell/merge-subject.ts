/** A cell over rows and a store, with a merger beside it: what tests of merging drive. Records say where they were produced. */
import { expect } from "vitest";
import { mergedObject } from "../../../core/cell/drain.ts";
import { MemoryCoordinator, MemoryRows } from "../../../core/cell/memory-coordinator.ts";
import type { MergeClaim, PartitionRef } from "../../../core/coordinator.ts";
import { settingDefaults, type Settings } from "../../../core/settings.ts";
import { checkBody } from "../../../core/wal/body.ts";
import { decodeFooterOf } from "../../../core/wal/format.ts";
import { writeMerged, type MergeOutcome } from "../../../durable-objects/merge-work.ts";
import type { BatchHeader } from "../../../kernel/interface.ts";
import { kernel } from "../../../kernel/kernel.ts";
import { MemoryObjectStore } from "../../../storage/memory.ts";
import { Chain, createTime, plain } from "../../contract/commits.ts";
import { concat, encodeBatch } from "../../kernel/batch-builder.ts";

export const topics = ["00000000-0000-4000-8000-00000000000b", "00000000-0000-4000-8000-00000000000a"] as const;
export const at = (partition: number, topic = 0): PartitionRef => ({ topicId: topics[topic]!, partition });
export const allRefs = [at(0), at(1), at(0, 1), at(1, 1)];

/** What Kafka's LogSegment.append writes down, as plainly as can be. */
export function kafkaIndexes(batches: readonly BatchHeader[]): { readonly index: Uint8Array; readonly timeIndex: Uint8Array } {
  const base = batches[0]!.baseOffset;
  const index: Buffer[] = [];
  const timeIndex: Buffer[] = [];
  let since = 0;
  let latest = { timestamp: -1, offset: base };
  let told = -1;
  const tellTime = (): void => {
    if (latest.timestamp <= told) return;
    const entry = Buffer.alloc(12);
    entry.writeBigInt64BE(BigInt(latest.timestamp));
    entry.writeInt32BE(latest.offset - base, 8);
    timeIndex.push(entry);
    told = latest.timestamp;
  };
  for (const { position, size, baseOffset, offsetCount, maxTimestamp } of batches) {
    const lastOffset = baseOffset + offsetCount - 1;
    if (maxTimestamp > latest.timestamp) latest = { timestamp: maxTimestamp, offset: lastOffset };
    if (since > 4096) {
      const entry = Buffer.alloc(8);
      entry.writeInt32BE(lastOffset - base);
      entry.writeInt32BE(position, 4);
      index.push(entry);
      tellTime();
      since = 0;
    }
    since += size;
  }
  tellTime();
  return { index: new Uint8Array(Buffer.concat(index)), timeIndex: new Uint8Array(Buffer.concat(timeIndex)) };
}

export class MergeSubject {
  readonly rows = new MemoryRows();
  readonly store = new MemoryObjectStore();
  readonly keys = new Set<string>();
  readonly settings: Settings;
  readonly #chains = [new Chain(0), new Chain(1)];
  coordinator: MemoryCoordinator;
  nowMs = 1_000_000;
  #produced = 0;

  constructor(settings: Partial<Settings> = {}) {
    this.settings = { ...settingDefaults, "inline.drain.bytes": 0, "merge.bytes": 0, ...settings };
    this.coordinator = this.reopened();
  }

  /** `segmentBytes` of the first topic. */
  async create(segmentBytes?: number): Promise<this> {
    await this.coordinator.createPartitions(allRefs, createTime);
    if (segmentBytes !== undefined) await this.coordinator.createPartitions([at(0), at(1)], { ...createTime, segmentBytes });
    return this;
  }

  /** What a restart would be. */
  reopened(): MemoryCoordinator {
    return new MemoryCoordinator({ cell: 3, rows: this.rows, settings: this.settings, now: () => this.nowMs });
  }

  restart(): void {
    this.coordinator = this.reopened();
  }

  async produce(refs: readonly PartitionRef[], way: "inline" | "object" = "object", valueBytes = 0, broker = 0): Promise<void> {
    const ordered = refs.toSorted((left, right) =>
      left.topicId < right.topicId ? -1 : left.topicId > right.topicId ? 1 : left.partition - right.partition,
    );
    const batches = ordered.map(() => {
      this.#produced += 1;
      const value = new Uint8Array(10 + (this.#produced % 3) + valueBytes).fill(this.#produced);
      return encodeBatch({ records: Array.from({ length: 1 + (this.#produced % 2) }, () => ({ value })) });
    });
    const parts = ordered.map((ref, index) => {
      const [{ size, offsetCount, maxTimestamp }] = kernel.batches(batches[index]!) as [ReturnType<typeof kernel.batches>[0]];
      return [ref, [plain(offsetCount, { size, maxTimestamp })]] as const;
    });
    const records = concat(batches);
    const chain = this.#chains[broker]!;
    const request = way === "inline" ? chain.inline(parts) : chain.object(parts);
    const source = request.source.kind === "inline" ? { kind: "inline" as const, records } : request.source;
    if (source.kind === "object") await this.put(`wal/${chain.brokerId}/1/${source.sequence}`, records);
    expect((await this.coordinator.commit({ ...request, source })).kind).toBe("committed");
  }

  /** Batches of a partition in one object, with values of so many bytes, each a millisecond later than the one before. */
  async produceMany(ref: PartitionRef, valueBytes: readonly number[]): Promise<void> {
    const records = concat(
      valueBytes.map((length, index) => {
        this.#produced += 1;
        const time = 1_700_000_000_000n + BigInt(this.#produced);
        const records = [{ value: new Uint8Array(length).fill(index) }];
        return encodeBatch({ records, baseTimestamp: time, maxTimestamp: time });
      }),
    );
    const batches = kernel
      .batches(records)
      .map(({ size, offsetCount, maxTimestamp }) => plain(offsetCount, { size, maxTimestamp }));
    const request = this.#chains[0]!.object([[ref, batches]]);
    if (request.source.kind !== "object") throw new Error("an object was asked for");
    await this.put(`wal/${this.#chains[0]!.brokerId}/1/${request.source.sequence}`, records);
    expect((await this.coordinator.commit(request)).kind).toBe("committed");
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    this.keys.add(key);
    await this.store.put(key, bytes);
  }

  async drain(): Promise<void> {
    const plan = this.coordinator.cell.planDrain();
    if (plan === undefined) return;
    await this.put(
      plan.key,
      mergedObject(plan, (row) => this.rows.read(row), kernel),
    );
    this.coordinator.commitDrain(plan);
  }

  claim(): MergeClaim | undefined {
    const reply = this.coordinator.claimMergeNow();
    return reply.kind === "claimed" ? reply.claim : undefined;
  }

  async write(claim: MergeClaim): Promise<MergeOutcome> {
    expect(this.keys.has(claim.key), "a key is never written twice").toBe(false);
    this.keys.add(claim.key);
    const outcome = await writeMerged(claim, this.store, kernel);
    if (outcome.damage.length === 0) await this.checkObject(claim);
    return outcome;
  }

  async checkObject(claim: MergeClaim): Promise<void> {
    if (claim.kind === "segment") return await this.checkSegment(claim);
    const object = (await this.store.get(claim.key))!;
    const result = decodeFooterOf(object, (bytes) => kernel.crc32c(bytes));
    if (!result.ok || result.footer.kind !== "merged") throw new Error(`not a merged object: ${JSON.stringify(result)}`);
    expect(result.footer.identity).toEqual({ cell: 3, cursor: claim.number, part: 1 });
    expect(checkBody(object, result.footer, (bytes) => kernel.crc32c(bytes))).toEqual([]);
  }

  /** Batches with final offsets and nothing else, and indexes that lead to them. */
  async checkSegment({ key, inputs, cell, number }: MergeClaim): Promise<void> {
    const [{ topicId, partition, baseOffset }] = inputs as [(typeof inputs)[0]];
    const stem = `segment/${topicId}/${partition}/${String(baseOffset).padStart(20, "0")}-${cell}-${number}`;
    expect(key).toBe(`${stem}.log`);
    const [log, index, timeIndex] = await Promise.all(
      [key, `${stem}.index`, `${stem}.timeindex`].map((one) => this.store.get(one)),
    );
    const batches = kernel.batches(log!);
    const end = batches.at(-1);
    expect([batches[0]!.baseOffset, end.baseOffset + end.offsetCount]).toEqual([baseOffset, inputs.at(-1)!.nextOffset]);
    expect(end.position + end.size).toBe(log!.length);
    expect({ index, timeIndex }).toEqual(kafkaIndexes(batches));
  }

  /** Until nothing is due; answers how many merges it took. */
  async mergeAll(): Promise<number> {
    let merges = 0;
    for (let claim = this.claim(); claim !== undefined; claim = this.claim()) {
      expect((await this.write(claim)).damage).toEqual([]);
      expect(this.coordinator.commitMergeNow(claim.number).kind).toBe("committed");
      merges += 1;
    }
    return merges;
  }

  extents(ref: PartitionRef): { readonly key: string; readonly baseOffset: number; readonly byteLength: number }[] {
    const [result] = this.coordinator.cell.findBatches([{ ...ref, offset: 0, maxBytes: 1e12 }]).results;
    return result!.extents.map(({ source, baseOffset, byteLength }) => {
      return { key: source.kind === "object" ? source.key : "inline", baseOffset, byteLength };
    });
  }

  /** Every partition's bytes with final offsets, as a broker makes them. */
  async read(): Promise<Record<string, unknown>> {
    const { results } = this.coordinator.cell.findBatches(allRefs.map((ref) => ({ ...ref, offset: 0, maxBytes: 1e12 })));
    const from = allRefs.map((ref, index) => ({
      ...ref,
      offset: Math.max(0, results[index]!.bounds.logStartOffset),
      maxBytes: 1e12,
    }));
    const found: Record<string, unknown> = {};
    for (const { topicId, partition, bounds, extents } of this.coordinator.cell.findBatches(from).results) {
      const pieces: Uint8Array[] = [];
      for (const { source, byteLength, baseOffset, nextOffset, leaderEpoch } of extents) {
        const range = { start: source.kind === "object" ? source.byteStart : 0, length: byteLength };
        const bytes = source.kind === "inline" ? source.records : (await this.store.get(source.key, range))!;
        expect(bytes).toHaveLength(byteLength);
        if (source.kind === "object" && !source.key.startsWith("wal/")) {
          expect(kernel.batches(bytes)[0]).toMatchObject({ baseOffset, leaderEpoch });
        }
        expect(kernel.assignOffsets(bytes, baseOffset, leaderEpoch)).toBe(nextOffset);
        // Extents may be cut elsewhere; what is visible from the log's start on is the same.
        for (const batch of kernel.batches(bytes)) {
          const isVisible = batch.baseOffset + batch.offsetCount > bounds.logStartOffset;
          if (isVisible) pieces.push(bytes.subarray(batch.position, batch.position + batch.size));
        }
      }
      found[`${topicId}/${partition}`] = { bounds, bytes: Buffer.concat(pieces).toString("base64") };
    }
    return found;
  }
}
