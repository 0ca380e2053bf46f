/**
 * InitProducerId for a transactional id: who gets which epoch, and who is fenced by it. Kafka's rules, KIP-360's recovery included,
 * with one difference: a producer that is fenced itself is told so before it can end the transaction of the one that fenced it.
 */
import { errorCodes } from "../../protocol/errors.ts";
import { fence } from "./end.ts";
import { TransactionPartitions } from "./partitions.ts";
import type { InitProducerIdRequest, ProducerIdentity } from "./requests.ts";
import { isExhausted, newState, noEpoch, step, type TransactionState } from "./state.ts";
import { identityOf, type Decision, refuse, retryLater } from "./decision.ts";

export function initProducerId(
  state: TransactionState | undefined,
  { timeoutMs, expected, newProducerId }: InitProducerIdRequest,
  timeoutMsMax: number,
  now: number,
): Decision {
  if (timeoutMs <= 0 || timeoutMs > timeoutMsMax) return refuse(errorCodes.INVALID_TRANSACTION_TIMEOUT);
  if (state === undefined) {
    return newProducerId === undefined ? { kind: "needs-producer-id" } : given(newState(newProducerId, timeoutMs, now));
  }
  if (state.name === "PrepareCommit" || state.name === "PrepareAbort") return retryLater;
  if (expected !== undefined && !isKnown(state, expected)) return refuse(errorCodes.PRODUCER_FENCED);
  if (state.name === "Ongoing") return { kind: "step", state: fence(state, now), answer: "again" };
  return nextEpoch(state, { timeoutMs, expected, newProducerId }, now);
}

/** The producer as it is, or as it was before a bump whose answer it may have missed. */
function isKnown(state: TransactionState, { producerId, producerEpoch }: ProducerIdentity): boolean {
  if (producerId === state.producerId) return producerEpoch === state.producerEpoch || isLast(state, producerEpoch);
  return producerId === state.previousProducerId && isExhausted(producerEpoch) && isLast(state, producerEpoch);
}

function isLast({ lastProducerEpoch }: TransactionState, producerEpoch: number): boolean {
  return lastProducerEpoch !== noEpoch && producerEpoch === lastProducerEpoch;
}

function nextEpoch(state: TransactionState, { timeoutMs, expected, newProducerId }: InitProducerIdRequest, now: number): Decision {
  const empty = { name: "Empty", timeoutMs, startedMs: -1, partitions: new TransactionPartitions(), groups: [] } as const;
  if (isExhausted(state.producerEpoch)) {
    if (newProducerId === undefined) return { kind: "needs-producer-id" };
    const lastProducerEpoch = expected === undefined ? noEpoch : expected.producerEpoch;
    return given(step(state, { ...empty, producerId: newProducerId, producerEpoch: 0, lastProducerEpoch }, now));
  }
  // Asked once more by the one who was given this epoch: nobody else has started since, or there would be no last epoch.
  if (expected !== undefined && expected.producerEpoch !== state.producerEpoch) {
    return given(step(state, { ...empty, previousProducerId: state.previousProducerId }, now));
  }
  const lastProducerEpoch = expected === undefined ? noEpoch : state.producerEpoch;
  return given(step(state, { ...empty, producerEpoch: state.producerEpoch + 1, lastProducerEpoch }, now));
}

function given(state: TransactionState): Decision {
  return { kind: "step", state, answer: { errorCode: errorCodes.NONE, ...identityOf(state), needsProducerId: false } };
}
