/** What a request to a coordinator comes to: a refusal, an answer that changes nothing, or a step and what follows it. */
import { errorCodes } from "../../protocol/errors.ts";
import type { ProducerIdAnswer, ProducerIdentity } from "./requests.ts";
import { noEpoch, noProducerId, type TransactionState } from "./state.ts";

export type Decision =
  | { readonly kind: "answer"; readonly answer: ProducerIdAnswer }
  /** A transaction is being ended: once it has, the request is looked at anew. */
  | { readonly kind: "later" }
  | { readonly kind: "needs-producer-id" }
  /** `again`: the request itself is looked at anew when the end that it caused is done. */
  | { readonly kind: "step"; readonly state: TransactionState; readonly answer: ProducerIdAnswer | "again" };

export const retryLater: Decision = { kind: "later" };

export function refusal(errorCode: number): ProducerIdAnswer {
  return { errorCode, producerId: noProducerId, producerEpoch: noEpoch, needsProducerId: false };
}

export function refuse(errorCode: number): Decision {
  return { kind: "answer", answer: refusal(errorCode) };
}

export const needsProducerId: ProducerIdAnswer = { ...refusal(errorCodes.NONE), needsProducerId: true };

export function identityOf({ producerId, producerEpoch }: TransactionState): ProducerIdentity {
  return { producerId, producerEpoch };
}
