/**
 * Commits and their answers as they cross the RPC between broker and leader: columns of numbers instead of thousands of small objects,
 * because copying those between isolates costs more than deciding about them.
 */
import type { BatchCoordinates, BatchResult, CommitEntry, CommitReply, CommitRequest } from "../core/coordinator.ts";

const entryColumns = 4;
const batchColumns = 8;
/** A transaction's number; below zero where it has its producer's epoch to itself. */
const numberColumn = 7;

export interface PackedCommit {
  readonly brokerId: number;
  readonly brokerEpoch: number;
  readonly number: number;
  readonly source: CommitRequest["source"];
  readonly topicIds: readonly string[];
  /** Topic's index, partition, byteStart and count of batches of each entry. */
  readonly entries: Float64Array;
  readonly batches: Float64Array;
}

export type PackedReply =
  | { readonly kind: "committed"; readonly cursor: number; readonly results: Float64Array }
  | Exclude<CommitReply, { kind: "committed" }>;

export function packCommit({ brokerId, brokerEpoch, number, source, entries }: CommitRequest): PackedCommit {
  const topics = new Map<string, number>();
  const batchCount = entries.reduce((sum, entry) => sum + entry.batches.length, 0);
  const entryRows = new Float64Array(entries.length * entryColumns);
  const batchRows = new Float64Array(batchCount * batchColumns);
  let at = 0;
  for (const [index, entry] of entries.entries()) {
    let topic = topics.get(entry.topicId);
    if (topic === undefined) topics.set(entry.topicId, (topic = topics.size));
    entryRows.set([topic, entry.partition, entry.byteStart, entry.batches.length], index * entryColumns);
    for (const batch of entry.batches) {
      batchRows[at] = batch.size;
      batchRows[at + 1] = batch.offsetCount;
      batchRows[at + 2] = batch.attributes;
      batchRows[at + 3] = batch.maxTimestamp;
      batchRows[at + 4] = batch.producerId;
      batchRows[at + 5] = batch.producerEpoch;
      batchRows[at + 6] = batch.baseSequence;
      batchRows[at + numberColumn] = (batch.transactionGeneration ?? 0) * (batch.hasOwnEpoch === true ? -1 : 1);
      at += batchColumns;
    }
  }
  return { brokerId, brokerEpoch, number, source, topicIds: [...topics.keys()], entries: entryRows, batches: batchRows };
}

export function unpackCommit(packed: PackedCommit): CommitRequest {
  const { brokerId, brokerEpoch, number, source, topicIds, batches } = packed;
  const entries: CommitEntry[] = [];
  let at = 0;
  for (let row = 0; row < packed.entries.length; row += entryColumns) {
    const own: BatchCoordinates[] = [];
    for (let left = packed.entries[row + 3]!; left > 0; left--, at += batchColumns) {
      own.push({
        size: batches[at]!,
        offsetCount: batches[at + 1]!,
        attributes: batches[at + 2]!,
        maxTimestamp: batches[at + 3]!,
        producerId: batches[at + 4]!,
        producerEpoch: batches[at + 5]!,
        baseSequence: batches[at + 6]!,
        transactionGeneration: Math.abs(batches[at + numberColumn]!),
        hasOwnEpoch: batches[at + numberColumn]! < 0,
      });
    }
    const topicId = topicIds[packed.entries[row]!]!;
    entries.push({ topicId, partition: packed.entries[row + 1]!, byteStart: packed.entries[row + 2]!, batches: own });
  }
  return { brokerId, brokerEpoch, number, source, entries };
}

const resultColumns = 6;

export function packReply(reply: CommitReply): PackedReply {
  if (reply.kind !== "committed") return reply;
  const results = new Float64Array(reply.results.length * resultColumns);
  let at = 0;
  for (const result of reply.results) {
    results[at] = result.errorCode;
    results[at + 1] = result.baseOffset;
    results[at + 2] = result.duplicate ? 1 : 0;
    results[at + 3] = result.logStartOffset;
    results[at + 4] = result.logAppendTimeMs;
    results[at + 5] = result.leaderEpoch;
    at += resultColumns;
  }
  return { kind: "committed", cursor: reply.cursor, results };
}

export function unpackReply(packed: PackedReply): CommitReply {
  if (packed.kind !== "committed") return packed;
  const results: BatchResult[] = [];
  for (let at = 0; at < packed.results.length; at += resultColumns) {
    results.push({
      errorCode: packed.results[at]!,
      baseOffset: packed.results[at + 1]!,
      duplicate: packed.results[at + 2] === 1,
      logStartOffset: packed.results[at + 3]!,
      logAppendTimeMs: packed.results[at + 4]!,
      leaderEpoch: packed.results[at + 5]!,
    });
  }
  return { kind: "committed", cursor: packed.cursor, results };
}
