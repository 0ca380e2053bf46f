/** DescribeTransactions, version 0. What a transactional id's coordinator knows of it. KIP-664. */
import type { TransactionDescription } from "../../core/transaction/requests.ts";
import { isTransactionalId } from "../../durable-objects/names.ts";
import type { BrokerServices } from "../../durable-objects/handler.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { describeTransactions } from "../../protocol/messages/65-describe-transactions.ts";
import { defineHandler } from "./define-handler.ts";
import { mayExist } from "./many-names.ts";
import { sideBySide } from "./side-by-side.ts";
import { coordinatorUnreachable } from "./unreachable.ts";

export const describeTransactionsHandler = defineHandler({
  api: describeTransactions,
  versions: [0, 0],
  async handle({ transactionalIds }, { services }) {
    const exists = await mayExist(transactionalIds, () => services.controller.transactions());
    const states = await sideBySide(transactionalIds, (id) => describe(id, exists(id), services));
    return { transactionStates: states };
  },
  unreachable: ({ transactionalIds }) => ({ transactionStates: transactionalIds.map((id) => unknown(id, coordinatorUnreachable)) }),
});

async function describe(transactionalId: string, isListed: boolean, services: BrokerServices) {
  if (transactionalId === "" || !isTransactionalId(transactionalId)) return unknown(transactionalId, errorCodes.INVALID_REQUEST);
  if (!isListed) return unknown(transactionalId, errorCodes.TRANSACTIONAL_ID_NOT_FOUND);
  try {
    const described = await services.transaction(transactionalId).describe();
    if (described === undefined) return unknown(transactionalId, errorCodes.TRANSACTIONAL_ID_NOT_FOUND);
    return { ...shown(transactionalId, described), topics: await topicsOf(described, services) };
  } catch {
    return unknown(transactionalId, coordinatorUnreachable);
  }
}

function unknown(transactionalId: string, errorCode: number) {
  const nothing = { transactionState: "", transactionTimeoutMs: 0, transactionStartTimeMs: 0n, producerId: 0n, producerEpoch: 0 };
  return { errorCode, transactionalId, ...nothing, topics: [] };
}

function shown(transactionalId: string, { state, timeoutMs, startedMs, producerId, producerEpoch }: TransactionDescription) {
  return {
    errorCode: errorCodes.NONE,
    transactionalId,
    transactionState: state,
    transactionTimeoutMs: timeoutMs,
    transactionStartTimeMs: BigInt(startedMs),
    producerId: BigInt(producerId),
    producerEpoch,
  };
}

/** Topics that were deleted in the meantime have no name to be shown by. */
async function topicsOf({ topics }: TransactionDescription, { catalog }: BrokerServices) {
  const entries = await Promise.all(topics.map(({ topicId }) => catalog.byId(topicId)));
  return topics.flatMap(({ partitions }, index) => {
    const entry = entries[index];
    return entry === undefined ? [] : [{ topic: entry.name, partitions }];
  });
}
