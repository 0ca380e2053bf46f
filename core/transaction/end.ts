/**
 * The end of a transaction: EndTxn in both transaction versions, the fence that ends one for a producer that is gone, and the step
 * after the last marker. Kafka's tables: version 1 keeps the epoch, so a retry looks like the first request, and the
 * transaction's number tells it from an end of the next one; version 2 bumps it with every end, so a retry is known by the epoch before.
 */
import { errorCodes } from "../../protocol/errors.ts";
import { type Decision, identityOf, refuse, retryLater } from "./decision.ts";
import { TransactionPartitions } from "./partitions.ts";
import type { EndRequest, ProducerIdentity } from "./requests.ts";
import { epochMax, isExhausted, noProducerId, step, type TransactionState } from "./state.ts";

export function endTransaction(state: TransactionState | undefined, request: EndRequest, now: number): Decision {
  if (state === undefined) return refuse(errorCodes.INVALID_PRODUCER_ID_MAPPING);
  return request.version === 1 ? endKeepingEpoch(state, request, now) : endBumpingEpoch(state, request, now);
}

function endKeepingEpoch(state: TransactionState, request: EndRequest, now: number): Decision {
  if (request.producerId !== state.producerId) return refuse(errorCodes.INVALID_PRODUCER_ID_MAPPING);
  if (request.producerEpoch !== state.producerEpoch) return refuse(errorCodes.PRODUCER_FENCED);
  // It is late, and nobody listens; or its broker was mistaken, and will know better when the client asks again.
  if (request.generation !== state.generation) return refuse(errorCodes.CONCURRENT_TRANSACTIONS);
  if (state.name === "Ongoing") {
    const name = request.commit ? "PrepareCommit" : "PrepareAbort";
    return ended(step(state, { name }, now));
  }
  if (state.name === "Empty" || !isSameEnd(state, request)) return refuse(errorCodes.INVALID_TXN_STATE);
  return state.name.startsWith("Prepare") ? retryLater : answered(state);
}

function endBumpingEpoch(state: TransactionState, request: EndRequest, now: number): Decision {
  const isRetry = isRetryOfEnd(state, request);
  const isKnownId = request.producerId === state.producerId || isRetry;
  if (!isKnownId) return refuse(errorCodes.INVALID_PRODUCER_ID_MAPPING);
  const isCurrent = request.producerId === state.producerId && request.producerEpoch === state.producerEpoch;
  switch (state.name) {
    case "Ongoing":
      return isCurrent ? bumped(state, request, now) : refuse(errorCodes.PRODUCER_FENCED);
    case "PrepareCommit":
    case "PrepareAbort":
      if (!isRetry) return refuse(errorCodes.PRODUCER_FENCED);
      return isSameEnd(state, request) ? retryLater : refuse(errorCodes.INVALID_TXN_STATE);
    case "CompleteCommit":
    case "CompleteAbort":
      if (isRetry) return isSameEnd(state, request) ? answered(state) : refuse(errorCodes.INVALID_TXN_STATE);
      break;
    case "Empty":
  }
  if (!isCurrent) return refuse(errorCodes.PRODUCER_FENCED);
  // A producer may abort a transaction of which no partition has come here: whatever is on the way is fenced by the bump.
  return request.commit ? refuse(errorCodes.INVALID_TXN_STATE) : bumped(state, request, now);
}

function isRetryOfEnd(state: TransactionState, { producerId, producerEpoch }: ProducerIdentity): boolean {
  if (state.name === "Empty" || state.name === "Ongoing") return false;
  if (producerId === state.producerId) return state.producerEpoch === producerEpoch + 1;
  return producerId === state.previousProducerId && producerEpoch === epochMax - 1 && state.producerEpoch === 0;
}

function isSameEnd({ name }: TransactionState, { commit }: EndRequest): boolean {
  return name === (commit ? "PrepareCommit" : "PrepareAbort") || name === (commit ? "CompleteCommit" : "CompleteAbort");
}

function bumped(state: TransactionState, { commit, newProducerId }: EndRequest, now: number): Decision {
  const rotates = isExhausted(state.producerEpoch);
  if (rotates && newProducerId === undefined) return { kind: "needs-producer-id" };
  return ended(
    step(
      state,
      {
        name: commit ? "PrepareCommit" : "PrepareAbort",
        producerEpoch: Math.min(state.producerEpoch + 1, epochMax),
        lastProducerEpoch: state.producerEpoch,
        nextProducerId: rotates ? newProducerId! : noProducerId,
        startedMs: state.name === "Ongoing" ? state.startedMs : now,
      },
      now,
    ),
  );
}

/** With nothing to tell anybody, the end is done at once. */
function ended(prepared: TransactionState): Decision {
  const state = isNobodysAffair(prepared) ? completed(prepared, prepared.updatedMs) : prepared;
  const { nextProducerId } = prepared;
  const identity = nextProducerId === noProducerId ? identityOf(prepared) : { producerId: nextProducerId, producerEpoch: 0 };
  return { kind: "step", state, answer: { errorCode: errorCodes.NONE, ...identity, needsProducerId: false } };
}

function answered(state: TransactionState): Decision {
  return { kind: "answer", answer: { errorCode: errorCodes.NONE, ...identityOf(state), needsProducerId: false } };
}

function isNobodysAffair({ partitions, groups }: TransactionState): boolean {
  return partitions.isEmpty && groups.length === 0;
}

/**
 * Aborts on behalf of a producer that is gone, or of the one that takes over. The markers carry the next epoch, so leaders know the
 * old one no more; its owner may still find out what became of it.
 */
export function fence(state: TransactionState, now: number): TransactionState {
  const producerEpoch = Math.min(state.producerEpoch + 1, epochMax);
  return step(state, { name: "PrepareAbort", producerEpoch, lastProducerEpoch: state.producerEpoch }, now);
}

/** Everybody has heard of the end. */
export function completed(state: TransactionState, now: number): TransactionState {
  const rotated = state.nextProducerId === noProducerId ? {} : { producerId: state.nextProducerId, producerEpoch: 0 };
  return step(
    state,
    {
      ...rotated,
      name: state.name === "PrepareCommit" ? "CompleteCommit" : "CompleteAbort",
      nextProducerId: noProducerId,
      partitions: new TransactionPartitions(),
      groups: [],
    },
    now,
  );
}
