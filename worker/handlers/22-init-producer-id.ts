/**
 * InitProducerId, versions 0–6. An idempotent producer gets an id that nobody else has; with a transactional id the coordinator
 * decides, and whoever had it before is fenced. KIP-360 (recovery). Two-phase commit (KIP-939) is off, as it is by default in Kafka.
 */
import type { ProducerIdentity } from "../../core/transaction/requests.ts";
import { isTransactionalId } from "../../durable-objects/names.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { initProducerId } from "../../protocol/messages/22-init-producer-id.ts";
import type { RequestOf } from "../../protocol/schema.ts";
import { defineHandler } from "./define-handler.ts";
import { fencedError } from "./fenced-error.ts";

/** The first version whose clients know PRODUCER_FENCED. */
const fencedFrom = 4;

export const initProducerIdHandler = defineHandler({
  api: initProducerId,
  versions: [0, 6],
  async handle(request, { services, apiVersion }) {
    const refused = refusal(request);
    if (refused !== undefined) return { errorCode: refused, producerEpoch: -1 };
    const { transactionalId, transactionTimeoutMs } = request;
    if (transactionalId !== null) {
      const asked = { timeoutMs: transactionTimeoutMs, expected: expectedOf(request), newProducerId: undefined };
      const { errorCode, producerId, producerEpoch } = await services.transaction(transactionalId).initProducerId(asked);
      return { errorCode: fencedError(errorCode, apiVersion, fencedFrom), producerId: BigInt(producerId), producerEpoch };
    }
    // Without a transactional id there is nobody to fence, so a producer that wants a higher epoch gets a new id, as in Kafka.
    const producerId = await services.nextProducerId().catch(() => undefined);
    // Clients come back at once for this error, and give up for most others.
    if (producerId === undefined) return { errorCode: errorCodes.COORDINATOR_LOAD_IN_PROGRESS, producerEpoch: -1 };
    return { producerId: BigInt(producerId), producerEpoch: 0 };
  },
});

function refusal({ transactionalId, producerId, producerEpoch, enable2Pc, keepPreparedTxn }: RequestOf<typeof initProducerId>) {
  if ((producerId === -1n) !== (producerEpoch === -1)) return errorCodes.INVALID_REQUEST;
  if (transactionalId === null) return undefined;
  if (transactionalId === "" || !isTransactionalId(transactionalId)) return errorCodes.INVALID_REQUEST;
  if (enable2Pc) return errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
  return keepPreparedTxn ? errorCodes.UNSUPPORTED_VERSION : undefined;
}

function expectedOf({ producerId, producerEpoch }: RequestOf<typeof initProducerId>): ProducerIdentity | undefined {
  return producerId === -1n ? undefined : { producerId: Number(producerId), producerEpoch };
}
