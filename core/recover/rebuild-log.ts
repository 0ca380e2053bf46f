/**
 * A lost partition's log, written anew from what was found (decision 11): what has its offsets keeps them, batches without records stand
 * for what is missing between, and write-ahead batches that were never merged follow, in a new leader epoch, behind every offset that
 * may have been given away. Deterministic: the same findings end in the same log.
 */
import { attributeMask, batchField, viewOf, writeInt64 } from "../../kernel/batch-layout.ts";
import { controlBatchBytes, writeControlBatch } from "../cell/control-batch.ts";
import { emptyBatch, emptyBatchOffsetsMax } from "./empty-batch.ts";
import { appendExtent, newest, type Findings, type FoundProducer, type WaitingBatch } from "./findings.ts";
import type { Marker } from "./lost-transactions.ts";
import {
  madeSource,
  type LostPartition,
  type MadeBatch,
  type RebuildRules,
  type RebuiltExtent,
  type RebuiltPartition,
  type RebuiltProducer,
} from "./recovered.ts";

interface OpenTransaction {
  readonly firstOffset: number;
  readonly producerEpoch: number;
}

const rangesShown = 20;
const sequenceLimit = 2 ** 31;

export function rebuildLog(partition: LostPartition, findings: Findings, rules: RebuildRules): RebuiltPartition {
  return new LogRebuild(partition, findings, rules).run();
}

class LogRebuild {
  readonly #partition: LostPartition;
  readonly #findings: Findings;
  readonly #rules: RebuildRules;
  readonly #extents: RebuiltExtent[] = [];
  readonly #made: MadeBatch[] = [];
  readonly #aborted: RebuiltPartition["aborted"][number][] = [];
  readonly #open = new Map<number, OpenTransaction>();
  readonly #left = new Map<number, { readonly generation: number; readonly firstOffset: number }>();
  readonly #lastMarkers = new Map<number, Marker>();
  readonly #producers: Map<number, FoundProducer>;
  readonly #lostRanges: (readonly [number, number])[] = [];
  #madeBytes = 0;
  #nextOffset = 0;
  #lostOffsets = 0;
  #missingSequences = 0;
  #assumedCommitted = 0;
  #expired = 0;

  constructor(partition: LostPartition, findings: Findings, rules: RebuildRules) {
    this.#partition = partition;
    this.#findings = findings;
    this.#rules = rules;
    this.#producers = new Map(findings.producers);
  }

  run(): RebuiltPartition {
    const { topicId, partition, leaderEpoch } = this.#partition;
    const former = this.#formerEpochs();
    this.#keep(former);
    this.#replayTransactions();
    const keptOffsets = this.#nextOffset;
    const newOffsets = keptOffsets + this.#rules.offsetGap;
    const isKept = this.#extents.length > 0;
    const epoch = leaderEpoch + 1;
    // A log of which nothing is left begins there.
    if (isKept) this.#fill(newOffsets, epoch);
    this.#nextOffset = newOffsets;
    const readdressedBatches = this.#readdress();
    const readdressedOffsets = this.#nextOffset - newOffsets;
    for (const producerId of this.#open.keys()) this.#end(producerId, epoch);
    return {
      ref: { topicId, partition },
      epochs: [...former.filter(({ epoch: other }) => other < epoch), { epoch, startOffset: isKept ? keptOffsets : newOffsets }],
      nextOffset: this.#nextOffset,
      extents: this.#extents,
      producers: this.#rebuiltProducers(),
      aborted: this.#aborted,
      made: this.#made,
      report: {
        topicId,
        partition,
        logStartOffset: this.#extents[0]?.baseOffset ?? newOffsets,
        keptOffsets,
        newOffsets,
        endOffset: this.#nextOffset,
        readdressedBatches,
        readdressedOffsets,
        lostRanges: this.#lostRanges.slice(0, rangesShown),
        lostOffsets: this.#lostOffsets,
        missingSequences: this.#missingSequences,
        duplicates: this.#findings.duplicates,
        expired: this.#expired,
        openTransactions: this.#left.size,
        assumedCommitted: this.#assumedCommitted,
      },
    };
  }

  /** As batches tell them. */
  #formerEpochs(): { readonly epoch: number; readonly startOffset: number }[] {
    const found = [...this.#findings.epochStarts].map(([epoch, startOffset]) => ({ epoch, startOffset }));
    found.sort((left, right) => left.epoch - right.epoch);
    let end = -1;
    return found.filter(({ epoch, startOffset }) => {
      const ascends = epoch >= 0 && startOffset > end;
      if (ascends) end = startOffset;
      return ascends;
    });
  }

  #keep(epochs: readonly { readonly epoch: number; readonly startOffset: number }[]): void {
    const extents = this.#findings.extents();
    this.#nextOffset = extents[0]?.baseOffset ?? 0;
    for (const extent of extents) {
      if (extent.baseOffset > this.#nextOffset) {
        this.#lostRanges.push([this.#nextOffset, extent.baseOffset]);
        this.#lostOffsets += extent.baseOffset - this.#nextOffset;
        this.#fill(extent.baseOffset, epochs.findLast(({ startOffset }) => startOffset <= this.#nextOffset)?.epoch ?? 0);
      }
      this.#extents.push(extent);
      this.#nextOffset = extent.nextOffset;
    }
  }

  #fill(until: number, leaderEpoch: number): void {
    while (this.#nextOffset < until) {
      const count = Math.min(until - this.#nextOffset, emptyBatchOffsetsMax);
      this.#make(emptyBatch(this.#nextOffset, count, leaderEpoch), count, -1);
    }
  }

  #make(bytes: Uint8Array, offsetCount: number, maxTimestamp: number): void {
    const baseOffset = this.#nextOffset;
    const nextOffset = baseOffset + offsetCount;
    this.#made.push({ bytes, baseOffset, nextOffset, maxTimestamp });
    const place = { source: madeSource, byteStart: this.#madeBytes, byteLength: bytes.length };
    appendExtent(this.#extents, { baseOffset, nextOffset, ...place, maxTimestamp });
    this.#madeBytes += bytes.length;
    this.#nextOffset = nextOffset;
  }

  #replayTransactions(): void {
    for (const { offset, producerId, producerEpoch, marker } of this.#findings.events()) {
      const open = this.#open.get(producerId);
      if (marker !== undefined) {
        this.#lastMarkers.set(producerId, { producerEpoch, commit: marker === "commit" });
        this.#open.delete(producerId);
        if (marker === "abort" && open !== undefined) this.#abort(producerId, open.firstOffset, offset);
      } else if (open === undefined || producerEpoch > open.producerEpoch) {
        // The marker between is lost.
        if (open !== undefined) this.#assumedCommitted += 1;
        this.#open.set(producerId, { firstOffset: offset, producerEpoch });
      }
    }
  }

  #abort(producerId: number, firstOffset: number, lastOffset: number): void {
    const others = [...this.#open.values(), ...this.#left.values()].map((open) => open.firstOffset);
    this.#aborted.push({ producerId, firstOffset, lastOffset, lastStableOffset: Math.min(lastOffset + 1, ...others) });
  }

  /** Answers how many batches got new offsets. */
  #readdress(): number {
    let count = 0;
    for (const waiting of this.#findings.waiting()) {
      const { maxTimestamp } = waiting.batch;
      const { retentionMs } = this.#partition;
      if (retentionMs >= 0 && maxTimestamp >= 0 && this.#rules.nowMs - maxTimestamp > retentionMs) this.#expired += 1;
      else {
        this.#append(waiting);
        count += 1;
      }
    }
    return count;
  }

  #append({ batch, source, position, writtenMs }: WaitingBatch): void {
    const { producerId, producerEpoch, attributes, offsetCount, size, maxTimestamp } = batch;
    if ((attributes & attributeMask.transactional) !== 0) {
      const open = this.#open.get(producerId);
      if (open !== undefined && producerEpoch > open.producerEpoch) this.#end(producerId, this.#partition.leaderEpoch + 1);
      if (!this.#open.has(producerId)) this.#open.set(producerId, { firstOffset: this.#nextOffset, producerEpoch });
    }
    const baseOffset = this.#nextOffset;
    this.#nextOffset += offsetCount;
    const place = { source, byteStart: position, byteLength: size };
    appendExtent(this.#extents, { baseOffset, nextOffset: this.#nextOffset, ...place, maxTimestamp });
    if (batch.baseSequence >= 0) this.#noteProducer(batch, baseOffset, writtenMs);
  }

  #noteProducer(
    { producerId, producerEpoch, baseSequence, offsetCount }: WaitingBatch["batch"],
    baseOffset: number,
    writtenMs: number,
  ): void {
    const known = this.#producers.get(producerId);
    if (known !== undefined && producerEpoch < known.epoch) return;
    const isSameEpoch = known?.epoch === producerEpoch;
    const last = isSameEpoch ? known.batches.at(-1) : undefined;
    const expected = last === undefined ? 0 : (last.baseSequence + last.offsetCount) % sequenceLimit;
    // Batches that were lost leave a gap; one that was found late, or a wrap, does not count.
    if ((last !== undefined || known !== undefined) && baseSequence > expected) this.#missingSequences += baseSequence - expected;
    const batches = newest([...(isSameEpoch ? known.batches : []), { baseSequence, offsetCount, baseOffset }]);
    this.#producers.set(producerId, { epoch: producerEpoch, lastUsedMs: Math.max(writtenMs, known?.lastUsedMs ?? 0), batches });
  }

  /** The producer's transaction ends here, or is left for its coordinator to end. */
  #end(producerId: number, leaderEpoch: number): void {
    const { firstOffset, producerEpoch } = this.#open.get(producerId)!;
    const ending = this.#rules.transactions.endingOf(this.#partition, producerId, producerEpoch, this.#lastMarkers.get(producerId));
    this.#open.delete(producerId);
    if (ending.kind === "open") {
      this.#left.set(producerId, { generation: ending.generation, firstOffset });
      return;
    }
    if (!ending.known) this.#assumedCommitted += 1;
    const bytes = new Uint8Array(controlBatchBytes);
    const { nowMs } = this.#rules;
    const { stamped } = this.#partition;
    writeControlBatch(bytes, {
      producerId,
      producerEpoch,
      coordinatorEpoch: 0,
      commit: ending.commit,
      timestampMs: nowMs,
      stamped,
    });
    const view = viewOf(bytes);
    writeInt64(view, batchField.baseOffset, this.#nextOffset);
    view.setInt32(batchField.leaderEpoch, leaderEpoch);
    this.#make(bytes, 1, nowMs);
    if (!ending.commit) this.#abort(producerId, firstOffset, this.#nextOffset - 1);
  }

  #rebuiltProducers(): RebuiltProducer[] {
    const { nowMs, producerExpirationMs, transactions } = this.#rules;
    const rebuilt: RebuiltProducer[] = [];
    for (const [producerId, { epoch, lastUsedMs, batches }] of this.#producers) {
      const open = this.#left.get(producerId);
      if (open === undefined && nowMs - lastUsedMs >= producerExpirationMs) continue;
      const endedGeneration = transactions.endedGeneration(producerId);
      rebuilt.push({ producerId, epoch, lastUsedMs, endedGeneration, batches, open });
    }
    return rebuilt;
  }
}
