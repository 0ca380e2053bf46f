/**
 * InitProducerId, versions 0–5. Gives an idempotent producer an id that nobody else has. Transactional ids are refused for now, with
 * an error that clients take as final.
 */
import type { ControllerClient } from "../../core/cluster/controller-client.ts";
import { ProducerIds } from "../../core/cluster/producer-ids.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { initProducerId } from "../../protocol/messages/22-init-producer-id.ts";
import { defineHandler } from "./define-handler.ts";

/** One per broker: the controller's client lives as long as the broker does. */
const producerIds = new WeakMap<ControllerClient, ProducerIds>();

function producerIdsOf(controller: ControllerClient): ProducerIds {
  let ids = producerIds.get(controller);
  if (ids === undefined) producerIds.set(controller, (ids = new ProducerIds(controller)));
  return ids;
}

export const initProducerIdHandler = defineHandler({
  api: initProducerId,
  versions: [0, 5],
  async handle(request, { services }) {
    const refuse = (errorCode: number) => ({ errorCode, producerEpoch: -1 });
    if (request.transactionalId === "") return refuse(errorCodes.INVALID_REQUEST);
    if ((request.producerId === -1n) !== (request.producerEpoch === -1)) return refuse(errorCodes.INVALID_REQUEST);
    if (request.transactionalId !== null) return refuse(errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
    // Without a transactional id there is nobody to fence, so a producer that wants a higher epoch gets a new id, as in Kafka.
    const producerId = await producerIdsOf(services.controller)
      .next()
      .catch(() => undefined);
    // Clients come back at once for this error, and give up for most others.
    if (producerId === undefined) return refuse(errorCodes.COORDINATOR_LOAD_IN_PROGRESS);
    return { producerId: BigInt(producerId), producerEpoch: 0 };
  },
});
