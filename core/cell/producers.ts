/**
 * What a partition remembers of its idempotent producers: epoch and the last five batches each, so that a batch sent again gets its
 * original offset and one that leaves a gap is refused (I3). Rules are those of Kafka's ProducerAppendInfo; a producer nobody
 * remembers may begin at any sequence, because its state may have expired or its records been deleted.
 */
import type { BatchCoordinates } from "../coordinator.ts";
import { errorCodes } from "../../protocol/errors.ts";

export const batchesKept = 5;
const sequenceLimit = 2 ** 31;

export interface KeptBatch {
  readonly baseSequence: number;
  readonly offsetCount: number;
  readonly baseOffset: number;
}

export interface ProducerState {
  epoch: number;
  /** Newest last. */
  batches: KeptBatch[];
  lastUsedMs: number;
}

export type SequenceVerdict =
  | { readonly kind: "append" }
  | { readonly kind: "duplicate"; readonly baseOffset: number }
  | { readonly kind: "refused"; readonly errorCode: number };

const append: SequenceVerdict = { kind: "append" };

export function judgeSequence(state: ProducerState | undefined, batch: BatchCoordinates): SequenceVerdict {
  if (state === undefined) return append;
  if (batch.producerEpoch < state.epoch) return { kind: "refused", errorCode: errorCodes.INVALID_PRODUCER_EPOCH };
  if (batch.producerEpoch > state.epoch) return batch.baseSequence === 0 ? append : outOfOrder;
  for (const kept of state.batches) {
    if (kept.baseSequence === batch.baseSequence && kept.offsetCount === batch.offsetCount) {
      return { kind: "duplicate", baseOffset: kept.baseOffset };
    }
  }
  const last = state.batches.at(-1);
  return last === undefined || batch.baseSequence === sequenceAfter(last) ? append : outOfOrder;
}

const outOfOrder: SequenceVerdict = { kind: "refused", errorCode: errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER };

/** Sequences wrap from 2^31 - 1 to 0. */
export function sequenceAfter(batch: KeptBatch): number {
  return (batch.baseSequence + batch.offsetCount) % sequenceLimit;
}

/** The state after an append that was judged; the argument is changed. */
export function noteAppend(
  state: ProducerState | undefined,
  batch: BatchCoordinates,
  baseOffset: number,
  nowMs: number,
): ProducerState {
  const kept = { baseSequence: batch.baseSequence, offsetCount: batch.offsetCount, baseOffset };
  if (state === undefined) return { epoch: batch.producerEpoch, batches: [kept], lastUsedMs: nowMs };
  if (state.epoch === batch.producerEpoch) {
    state.batches.push(kept);
    if (state.batches.length > batchesKept) state.batches.shift();
  } else {
    state.epoch = batch.producerEpoch;
    state.batches = [kept];
  }
  state.lastUsedMs = nowMs;
  return state;
}

export function copyOf(state: ProducerState | undefined): ProducerState | undefined {
  return state && { epoch: state.epoch, batches: [...state.batches], lastUsedMs: state.lastUsedMs };
}
