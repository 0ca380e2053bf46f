/**
 * EndTxn, versions 0–5. The answer comes when the decision is durable; the markers are written after it. From version 5 on, the
 * second transaction version (KIP-890), every end gives the producer its next epoch.
 */
import { isTransactionalId } from "../../durable-objects/names.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { endTxn } from "../../protocol/messages/26-end-txn.ts";
import { defineHandler } from "./define-handler.ts";
import { fencedError } from "./fenced-error.ts";

const fencedFrom = 2;
const bumpingFrom = 5;

export const endTxnHandler = defineHandler({
  api: endTxn,
  versions: [0, 5],
  async handle({ transactionalId, producerId, producerEpoch, committed }, { services, apiVersion }) {
    if (transactionalId === "" || !isTransactionalId(transactionalId)) return { errorCode: errorCodes.INVALID_REQUEST };
    const answer = await services.transaction(transactionalId).end({
      producerId: Number(producerId),
      producerEpoch,
      commit: committed,
      version: apiVersion >= bumpingFrom ? 2 : 1,
      newProducerId: undefined,
    });
    services.verified.forget(Number(producerId));
    return {
      errorCode: fencedError(answer.errorCode, apiVersion, fencedFrom),
      producerId: BigInt(answer.producerId),
      producerEpoch: answer.producerEpoch,
    };
  },
});
