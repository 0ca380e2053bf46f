/** AddOffsetsToTxn, versions 0–4. The offsets of a group become part of the transaction, before they are sent with TxnOffsetCommit. KIP-98. */
import { isGroupId, isTransactionalId } from "../../durable-objects/names.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { addOffsetsToTxn } from "../../protocol/messages/25-add-offsets-to-txn.ts";
import { defineHandler } from "./define-handler.ts";
import { fencedError } from "./fenced-error.ts";

const fencedFrom = 2;

export const addOffsetsToTxnHandler = defineHandler({
  api: addOffsetsToTxn,
  versions: [0, 4],
  async handle({ transactionalId, producerId, producerEpoch, groupId }, { services, apiVersion }) {
    if (transactionalId === "" || !isTransactionalId(transactionalId)) return { errorCode: errorCodes.INVALID_REQUEST };
    if (!isGroupId(groupId)) return { errorCode: errorCodes.INVALID_GROUP_ID };
    const asked = { producerId: Number(producerId), producerEpoch, add: true, partitions: [], groups: [groupId] };
    const [errorCode] = (await services.transaction(transactionalId).admit(asked)).errorCodes;
    return { errorCode: fencedError(errorCode!, apiVersion, fencedFrom) };
  },
});
