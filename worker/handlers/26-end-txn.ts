/**
 * EndTxn, versions 0–5. The answer comes when the decision is durable; the markers are written after it. From version 5 on, the
 * second transaction version (KIP-890), every end gives the producer its next epoch; before, an end names its transaction by nothing but
 * what its broker knows of it.
 */
import type { ProducerIdentity } from "../../core/transaction/requests.ts";
import type { TransactionClient } from "../../core/transaction/transaction-client.ts";
import type { BrokerServices } from "../../durable-objects/handler.ts";
import { isTransactionalId } from "../../durable-objects/names.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { endTxn } from "../../protocol/messages/26-end-txn.ts";
import { defineHandler } from "./define-handler.ts";
import { fencedError } from "./fenced-error.ts";
import { coordinatorUnreachable } from "./unreachable.ts";

const fencedFrom = 2;
const bumpingFrom = 5;

export const endTxnHandler = defineHandler({
  api: endTxn,
  versions: [0, 5],
  async handle({ transactionalId, producerId, producerEpoch, committed }, { services, apiVersion }) {
    if (transactionalId === "" || !isTransactionalId(transactionalId)) return { errorCode: errorCodes.INVALID_REQUEST };
    const transaction = services.transaction(transactionalId);
    const producer = { producerId: Number(producerId), producerEpoch };
    const version = apiVersion >= bumpingFrom ? 2 : 1;
    const generation = version === 1 ? await generationOf(producer, transaction, services) : undefined;
    const answer = await transaction.end({ ...producer, commit: committed, version, generation, newProducerId: undefined });
    services.verified.forget(producer.producerId);
    return {
      errorCode: fencedError(answer.errorCode, apiVersion, fencedFrom),
      producerId: BigInt(answer.producerId),
      producerEpoch: answer.producerEpoch,
    };
  },
  unreachable: () => ({ errorCode: coordinatorUnreachable, producerId: -1n, producerEpoch: -1 }),
});

/** Learned before the end is asked for: the question may be put twice, and whichever comes late must not end the next transaction. */
async function generationOf(producer: ProducerIdentity, transaction: TransactionClient, { verified }: BrokerServices) {
  return verified.lastGeneration(producer) ?? (await transaction.describe())?.generation;
}
