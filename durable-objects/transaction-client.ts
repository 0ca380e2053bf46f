/**
 * A broker's client of one transactional id's coordinator: RPC to the Transaction Durable Object. Every question may be put twice,
 * and is, to a fresh stub; then the client hears what Kafka says while a coordinator loads. When the coordinator wants a producer id
 * that nobody has, it gets one of this broker's.
 */
import { errorCodes } from "../protocol/errors.ts";
import { refuseAll } from "../core/transaction/admit.ts";
import { refusal } from "../core/transaction/decision.ts";
import type { ProducerIdAnswer } from "../core/transaction/requests.ts";
import type { TransactionClient } from "../core/transaction/transaction-client.ts";
import type { Env } from "./env.ts";
import { transactionName } from "./names.ts";
import { Stub } from "./stub.ts";

const loading = errorCodes.COORDINATOR_LOAD_IN_PROGRESS;

export function transactionClient(
  env: Env,
  cluster: string,
  transactionalId: string,
  nextProducerId: () => Promise<number>,
): TransactionClient {
  const name = transactionName(cluster, transactionalId);
  const stub = new Stub(() => env.TRANSACTION.getByName(name) as unknown as TransactionClient);

  async function withProducerId<Request>(
    request: Request,
    ask: (request: Request & { readonly newProducerId: number | undefined }) => Promise<ProducerIdAnswer>,
  ): Promise<ProducerIdAnswer> {
    try {
      const answer = await ask({ ...request, newProducerId: undefined });
      return answer.needsProducerId ? await ask({ ...request, newProducerId: await nextProducerId() }) : answer;
    } catch {
      return refusal(loading);
    }
  }

  return {
    initProducerId: (request) =>
      withProducerId(request, (asked) => stub.repeat((transaction) => transaction.initProducerId(asked))),
    end: (request) => withProducerId(request, (asked) => stub.repeat((transaction) => transaction.end(asked))),
    admit: (request) => stub.repeat((transaction) => transaction.admit(request)).catch(() => refuseAll(request, loading)),
    describe: () => stub.repeat((transaction) => transaction.describe()),
    list: () => stub.repeat((transaction) => transaction.list()),
  };
}
