/**
 * FindCoordinator, versions 0–6. Any broker reaches every coordinator, so which one a key gets is a fixed hash among the brokers of
 * the client's zone. KIP-699 (several keys at once), KIP-932 (share keys: refused, there are no share groups yet).
 */
import { coordinatorNode } from "../../core/cluster/placement.ts";
import type { RequestContext } from "../../durable-objects/handler.ts";
import { isGroupId, isTransactionalId } from "../../durable-objects/names.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { findCoordinator } from "../../protocol/messages/10-find-coordinator.ts";
import { defineHandler } from "./define-handler.ts";
import { endpointOf, nodesOf } from "./nodes.ts";

const groupKey = 0;
const transactionKey = 1;

export const findCoordinatorHandler = defineHandler({
  api: findCoordinator,
  versions: [0, 6],
  handle(request, context) {
    const coordinators = request.coordinatorKeys.map((key) => coordinatorOf(key, request.keyType, context));
    // The lone answer of the old versions; newer ones leave it out.
    return { ...coordinatorOf(request.key, request.keyType, context), coordinators };
  },
});

function coordinatorOf(key: string, keyType: number, context: RequestContext) {
  if (keyType !== groupKey && keyType !== transactionKey) {
    const errorMessage = `No coordinator is found for keys of type ${keyType}.`;
    return { key, nodeId: -1, host: "", port: -1, errorCode: errorCodes.INVALID_REQUEST, errorMessage };
  }
  if (keyType === groupKey && !isGroupId(key)) {
    const errorMessage = "The group id is too long.";
    return { key, nodeId: -1, host: "", port: -1, errorCode: errorCodes.INVALID_GROUP_ID, errorMessage };
  }
  if (keyType === transactionKey && !isTransactionalId(key)) {
    const errorMessage = "The transactional id is too long.";
    return { key, nodeId: -1, host: "", port: -1, errorCode: errorCodes.INVALID_REQUEST, errorMessage };
  }
  const { nodeId, host, port } = endpointOf(coordinatorNode(nodesOf(context), key), context);
  return { key, nodeId, host, port, errorCode: errorCodes.NONE, errorMessage: null };
}
