/**
 * What a broker asks a transaction's coordinator before it appends transactional batches (KIP-890): that their partitions are part of
 * the transaction that is going on, and which one that is. The answer holds until that transaction ends; brokers keep it, and leaders
 * refuse what comes with the number of one that has ended.
 */
import type { PartitionRef } from "../coordinator.ts";

/** A partition and where its markers will be written. */
export interface TransactionPartition extends PartitionRef {
  readonly cell: number;
}

export interface AdmissionRequest {
  readonly producerId: number;
  readonly producerEpoch: number;
  /** True: partitions join, and a transaction begins where none is going on (Produce from version 12). False: they must have joined. */
  readonly add: boolean;
  readonly partitions: readonly TransactionPartition[];
  /** Groups whose offsets are part of the transaction, likewise. */
  readonly groups?: readonly string[];
}

/**
 * Error codes in the order of the partitions and, behind them, the groups, as Kafka's coordinator gives them to AddPartitionsToTxn between brokers:
 * TRANSACTION_ABORTABLE where a partition has not joined, PRODUCER_FENCED, CONCURRENT_TRANSACTIONS and so on.
 */
export interface AdmissionReply {
  readonly errorCodes: readonly number[];
  /** Of the transaction going on (MarkerRequest.generation); 0 when there is none. */
  readonly generation: number;
}

export interface TransactionAdmission {
  admit(request: AdmissionRequest): Promise<AdmissionReply>;
}
