/**
 * What a partition takes from its idempotent producers: a batch sent again gets its original offset, one that leaves a gap is refused
 * (I3), and so is one of a transaction that has ended. Rules are those of Kafka's ProducerAppendInfo; a producer nobody remembers may
 * begin at any sequence, because its state may have expired, but not in the middle of a transaction that has an epoch to itself: what
 * came first is still on its way (KIP-890).
 */
import { attributeMask } from "../../kernel/batch-layout.ts";
import { errorCodes } from "../../protocol/errors.ts";
import type { BatchCoordinates } from "../coordinator.ts";
import type { KeptBatch, ProducerTable } from "./producer-table.ts";

const sequenceLimit = 2 ** 31;

export type SequenceVerdict =
  | { readonly kind: "append" }
  | { readonly kind: "duplicate"; readonly baseOffset: number }
  | { readonly kind: "refused"; readonly errorCode: number };

const append: SequenceVerdict = { kind: "append" };
const outOfOrder: SequenceVerdict = { kind: "refused", errorCode: errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER };
const fenced: SequenceVerdict = { kind: "refused", errorCode: errorCodes.INVALID_PRODUCER_EPOCH };
const wrongTransaction: SequenceVerdict = { kind: "refused", errorCode: errorCodes.INVALID_TXN_STATE };

export function isTransactional({ attributes }: Pick<BatchCoordinates, "attributes">): boolean {
  return (attributes & attributeMask.transactional) !== 0;
}

/** `row` -1: a producer nobody knows. */
export function judgeSequence(producers: ProducerTable, row: number, batch: BatchCoordinates): SequenceVerdict {
  if (row < 0) return batch.hasOwnEpoch === true && batch.baseSequence > 0 ? outOfOrder : append;
  const { producerEpoch, baseSequence, offsetCount } = batch;
  const epoch = producers.epoch(row);
  if (producerEpoch < epoch) return fenced;
  if (!fitsTransaction(producers, row, batch)) return wrongTransaction;
  if (producerEpoch > epoch) return baseSequence === 0 ? append : outOfOrder;
  const baseOffset = producers.offsetOf(row, baseSequence, offsetCount);
  if (baseOffset >= 0) return { kind: "duplicate", baseOffset };
  return baseSequence === nextSequence(producers, row) || producers.resumes(row) ? append : outOfOrder;
}

/** All batches of a transaction name it, and while it is open nothing else of its producer is taken. */
function fitsTransaction(producers: ProducerTable, row: number, batch: BatchCoordinates): boolean {
  const open = producers.openGeneration(row);
  if (!isTransactional(batch)) return open === 0;
  const generation = batch.transactionGeneration ?? 0;
  return open === 0 ? generation > producers.endedGeneration(row) : generation === open;
}

/** What the producer's next batch begins with: 0 where it has sent none in its epoch. */
export function nextSequence(producers: ProducerTable, row: number): number {
  const count = producers.batchCount(row);
  return count === 0 ? 0 : sequenceAfter(producers.batch(row, count - 1));
}

/** Sequences wrap from 2^31 - 1 to 0. */
function sequenceAfter(batch: KeptBatch): number {
  return (batch.baseSequence + batch.offsetCount) % sequenceLimit;
}

/** Writes down an append that was judged. Answers the producer's row. */
export function noteAppend(
  producers: ProducerTable,
  known: number,
  batch: BatchCoordinates,
  baseOffset: number,
  nowMs: number,
): number {
  const { producerId, producerEpoch, baseSequence, offsetCount } = batch;
  const row = known < 0 ? producers.begin(producerId, producerEpoch) : known;
  if (producers.epoch(row) !== producerEpoch) producers.raiseEpoch(row, producerEpoch);
  producers.addBatch(row, baseSequence, offsetCount, baseOffset);
  producers.touch(row, nowMs);
  return row;
}
