/**
 * A new cell in place of one whose leader has lost its rows (decision 11): the logs of its partitions as objects tell them, as the
 * snapshot that the new leader begins with, and one object with the batches that were made on the way.
 */
import { CellState } from "../cell/cell-state.ts";
import type { PartitionLog } from "../cell/partition-log.ts";
import { writeSnapshot } from "../cell/snapshot.ts";
import type { Source } from "../cell/sources.ts";
import type { BrokerIdentity, PartitionRef } from "../coordinator.ts";
import { compareParts, type Crc32c, type MergedExtent } from "../wal/format.ts";
import { mergedKey } from "../wal/key.ts";
import { encodeMergedFooter } from "../wal/merged.ts";
import { Findings } from "./findings.ts";
import { rebuildLog } from "./rebuild-log.ts";
import { madeSource, type LostPartition, type PartitionReport, type RebuildRules, type RebuiltPartition } from "./recovered.ts";

export interface RebuiltCell {
  readonly snapshot: readonly Uint8Array[];
  /** To be put before anybody refers to it; undefined: no batch had to be made. */
  readonly object: { readonly key: string; readonly bytes: Uint8Array } | undefined;
  readonly partitions: readonly PartitionReport[];
}

/** A new leader's first row has number 2: its snapshot covers what there is. */
const firstSequence = 1;
/** The new cell has no row yet that could give an object this name. */
const madeCursor = 0;

export class CellRebuild {
  readonly #cell: number;
  readonly #partitions: readonly LostPartition[];
  readonly #findings = new Map<string, Findings>();
  readonly #sources: Source[] = [];

  /** `cell`: the new one. */
  constructor(cell: number, partitions: readonly LostPartition[]) {
    this.#cell = cell;
    this.#partitions = [...partitions].sort((left, right) => compareParts({ cell, ...left }, { cell, ...right }));
    for (const partition of partitions) this.#findings.set(nameOf(partition), new Findings());
  }

  /** Undefined: the partition is not one of those that are lost. */
  findings(ref: PartitionRef): Findings | undefined {
    return this.#findings.get(nameOf(ref));
  }

  /** Batches are found in sources by these numbers. */
  addSource(source: Source): number {
    return this.#sources.push(source) - 1;
  }

  finish(rules: RebuildRules, fences: readonly BrokerIdentity[], crc32c: Crc32c): RebuiltCell {
    const rebuilt = this.#partitions.map((partition) => rebuildLog(partition, this.#findings.get(nameOf(partition))!, rules));
    const made = this.#madeObject(rebuilt, crc32c);
    const state = this.#stateOf(rebuilt, made.starts);
    for (const { brokerId, brokerEpoch } of fences) state.brokers.set(brokerId, { brokerEpoch, lastNumber: 0, answers: [] });
    return { snapshot: writeSnapshot(state), object: made.object, partitions: rebuilt.map(({ report }) => report) };
  }

  /** All batches that were made, sorted by partition, and where those of each begin. */
  #madeObject(
    rebuilt: readonly RebuiltPartition[],
    crc32c: Crc32c,
  ): { readonly object: RebuiltCell["object"]; readonly starts: readonly number[] } {
    const starts: number[] = [];
    const parts: MergedExtent[] = [];
    let length = 0;
    for (const { ref, made } of rebuilt) {
      starts.push(length);
      const byteLength = made.reduce((sum, { bytes }) => sum + bytes.length, 0);
      if (byteLength === 0) continue;
      const offsets = { baseOffset: made[0]!.baseOffset, nextOffset: made.at(-1)!.nextOffset };
      const counted = {
        byteStart: length,
        byteLength,
        batchCount: made.length,
        maxTimestamp: made.reduce((latest, batch) => Math.max(latest, batch.maxTimestamp), -1),
      };
      parts.push({ cell: this.#cell, ...ref, ...counted, ...offsets });
      length += byteLength;
    }
    if (parts.length === 0) return { object: undefined, starts };
    const identity = { cell: this.#cell, cursor: madeCursor, part: 0 };
    const footer = encodeMergedFooter(identity, parts, crc32c);
    const bytes = new Uint8Array(length + footer.length);
    let position = 0;
    for (const { made } of rebuilt) {
      for (const batch of made) {
        bytes.set(batch.bytes, position);
        position += batch.bytes.length;
      }
    }
    bytes.set(footer, position);
    return { object: { key: mergedKey(identity), bytes }, starts };
  }

  #stateOf(rebuilt: readonly RebuiltPartition[], starts: readonly number[]): CellState {
    const state = new CellState();
    state.sequence = firstSequence;
    const ids = this.#addSources(state, rebuilt);
    for (const [index, partition] of rebuilt.entries()) {
      const log = state.addPartition(index, partition.ref);
      writeLog(log, partition, starts[index]!, ids);
    }
    return state;
  }

  /** The state's numbers of the sources that an extent names. */
  #addSources(state: CellState, rebuilt: readonly RebuiltPartition[]): ReadonlyMap<number, number> {
    const weights = new Map<number, { extents: number; bytes: number }>();
    for (const { extents } of rebuilt) {
      for (const { source, byteLength } of extents) {
        const weight = weights.get(source) ?? { extents: 0, bytes: 0 };
        weights.set(source, weight);
        weight.extents += 1;
        weight.bytes += byteLength;
      }
    }
    const made: Source = { kind: "merged", cursor: madeCursor, part: 0 };
    return new Map(
      [...weights].map(([source, { extents, bytes }]) => [
        source,
        state.sources.add(source === madeSource ? made : this.#sources[source]!, extents, bytes),
      ]),
    );
  }
}

function writeLog(log: PartitionLog, partition: RebuiltPartition, madeStart: number, ids: ReadonlyMap<number, number>): void {
  const { epochs, nextOffset, extents, producers, aborted, report } = partition;
  log.setEpochs(epochs);
  log.logStartOffset = report.logStartOffset;
  log.nextOffset = nextOffset;
  for (const { baseOffset, source, byteStart, byteLength, maxTimestamp } of extents) {
    const start = source === madeSource ? madeStart + byteStart : byteStart;
    log.extents.append(baseOffset, start, byteLength, ids.get(source)!, maxTimestamp);
  }
  // How far it was compacted nobody knows: it begins anew.
  log.neverCleaned();
  log.neverCleaned();
  for (const { producerId, epoch, lastUsedMs, endedGeneration, batches } of producers) {
    const row = log.producers.begin(producerId, epoch);
    log.producers.touch(row, Math.max(0, lastUsedMs));
    if (endedGeneration > 0) log.producers.endTransaction(row, endedGeneration, -1);
    for (const { baseSequence, offsetCount, baseOffset } of batches) {
      log.producers.addBatch(row, baseSequence, offsetCount, baseOffset);
    }
    // What it sent last may be lost, and it does not know.
    log.producers.letResume(row);
  }
  const open = producers.filter((producer) => producer.open !== undefined);
  open.sort((left, right) => left.open!.firstOffset - right.open!.firstOffset);
  for (const { producerId, open: transaction } of open) {
    log.openTransaction(log.producers.rowOf(producerId), transaction!.generation, transaction!.firstOffset);
  }
  for (const { producerId, firstOffset, lastOffset, lastStableOffset } of aborted) {
    log.aborted.add(producerId, firstOffset, lastOffset, lastStableOffset);
  }
}

function nameOf({ topicId, partition }: PartitionRef): string {
  return `${topicId}/${partition}`;
}
