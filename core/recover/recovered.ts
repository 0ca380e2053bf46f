/** What goes into the rebuilding of a lost partition, and what comes out of it. */
import type { KeptBatch } from "../cell/producer-table.ts";
import type { AbortedTransaction, PartitionRef } from "../coordinator.ts";
import type { LostTransactions } from "./lost-transactions.ts";

/** A partition that the lost cell led, as the controller knows it. */
export interface LostPartition extends PartitionRef {
  readonly leaderEpoch: number;
  /** Write-ahead records that are older are not brought back: retention would delete them. -1: it deletes none. */
  readonly retentionMs: number;
  /** The topic has LogAppendTime. */
  readonly stamped: boolean;
}

export interface RebuildRules {
  /** How far behind the last offset that is known new ones begin. */
  readonly offsetGap: number;
  readonly nowMs: number;
  readonly producerExpirationMs: number;
  readonly transactions: LostTransactions;
}

/** Bytes of the new log: in an object that is there, by its place in a list of sources, or in the one that is still to be written. */
export interface RebuiltExtent {
  readonly baseOffset: number;
  nextOffset: number;
  readonly source: number;
  readonly byteStart: number;
  byteLength: number;
  maxTimestamp: number;
}

/** Stands for the object of the batches that were made here. */
export const madeSource = -1;

export interface RebuiltProducer {
  readonly producerId: number;
  readonly epoch: number;
  readonly lastUsedMs: number;
  readonly endedGeneration: number;
  readonly batches: readonly KeptBatch[];
  /** Its transaction, of which the coordinator will tell the end. */
  readonly open: { readonly generation: number; readonly firstOffset: number } | undefined;
}

export interface MadeBatch {
  readonly bytes: Uint8Array;
  readonly baseOffset: number;
  readonly nextOffset: number;
  readonly maxTimestamp: number;
}

export interface RebuiltPartition {
  readonly ref: PartitionRef;
  readonly epochs: readonly { readonly epoch: number; readonly startOffset: number }[];
  readonly nextOffset: number;
  /** Without a hole, from the log's start to its end. */
  readonly extents: readonly RebuiltExtent[];
  readonly producers: readonly RebuiltProducer[];
  readonly aborted: readonly (AbortedTransaction & { readonly lastStableOffset: number })[];
  /** Whole batches with final offsets: extents of the made source count bytes in them. */
  readonly made: readonly MadeBatch[];
  readonly report: PartitionReport;
}

/** All that an operator must know of a partition. */
export interface PartitionReport extends PartitionRef {
  readonly logStartOffset: number;
  /** Offsets below are those of before, but for those in `lostRanges`. */
  readonly keptOffsets: number;
  /** Here begin records that got new offsets. */
  readonly newOffsets: number;
  readonly endOffset: number;
  readonly readdressedBatches: number;
  readonly readdressedOffsets: number;
  /** Between those that are kept: the first few. */
  readonly lostRanges: readonly (readonly [from: number, to: number])[];
  readonly lostOffsets: number;
  /** Behind them: so many are missing between the batches of idempotent producers. There may be more, of others, and at the end. */
  readonly missingSequences: number;
  /** Write-ahead batches that were not brought back: merged, or the same found twice. */
  readonly duplicates: number;
  /** Not brought back because retention would delete them. */
  readonly expired: number;
  readonly openTransactions: number;
  /** Transactions of which nobody could tell how they ended. */
  readonly assumedCommitted: number;
}
