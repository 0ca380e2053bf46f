/**
 * ConsumerGroupHeartbeat, versions 0–1: join, stay, reconcile and leave in one. KIP-848. A group changes between the classic protocol
 * and this one only while it has no members.
 */
import { errorCodes } from "../../protocol/errors.ts";
import { consumerGroupHeartbeat } from "../../protocol/messages/68-consumer-group-heartbeat.ts";
import { defineHandler } from "./define-handler.ts";
import { factsOf } from "./group-requests.ts";

export const consumerGroupHeartbeatHandler = defineHandler({
  api: consumerGroupHeartbeat,
  versions: [0, 1],
  async handle({ groupId, ...request }, context) {
    if (groupId.trim() === "") return { errorCode: errorCodes.INVALID_REQUEST, errorMessage: "GroupId can't be empty." };
    const { assignment, ...answer } = await context.services.group(groupId).consumerHeartbeat(request, factsOf(context));
    return {
      ...answer,
      // The coordinator does not say its own name.
      errorMessage:
        answer.errorCode === errorCodes.GROUP_ID_NOT_FOUND ? `Group ${groupId} ${answer.errorMessage}` : answer.errorMessage,
      assignment: assignment === null ? null : { topicPartitions: assignment },
    };
  },
});
