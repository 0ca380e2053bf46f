/**
 * What a broker offers to the handlers of the Kafka APIs: append batches, read batches. How (write-ahead buffer, flush policy,
 * commit chains, tail index, cache, long polls) is decided by the machines beside this file; the Broker Durable Object and the
 * simulator carry their effects out.
 */
import type { AbortedTransaction, BatchCoordinates, BatchResult, PartitionBounds, PartitionRef } from "../coordinator.ts";
import type { ValidatedBatch } from "../../kernel/interface.ts";

export interface AppendItem extends PartitionRef {
  readonly cell: number;
  /** A validated record set; the machine may keep it until it is flushed. */
  readonly records: Uint8Array;
  readonly batches: readonly (ValidatedBatch & Pick<BatchCoordinates, "transactionGeneration" | "hasOwnEpoch">)[];
}

/** The answer for the first batch of an item (Kafka allows one a partition), or the error that spared the leader the question. */
export type AppendOutcome = BatchResult;

export interface ReadItem extends PartitionRef {
  readonly cell: number;
  readonly offset: number;
  readonly maxBytes: number;
}

export interface ReadRequest {
  readonly items: readonly ReadItem[];
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly maxWaitMs: number;
  readonly readCommitted: boolean;
}

export interface ReadOutcome extends PartitionRef {
  readonly errorCode: number;
  readonly bounds: PartitionBounds;
  /** Whole batches with final offsets, in order; views, valid until the response is written. */
  readonly records: readonly Uint8Array[];
  readonly abortedTransactions: readonly AbortedTransaction[];
}
