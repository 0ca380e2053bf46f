/**
 * ConsumerGroupHeartbeat, versions 0–1: join, stay, reconcile and leave in one. KIP-848. A classic group that consumers of this
 * protocol join takes its members along.
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
    return { ...answer, assignment: assignment === null ? null : { topicPartitions: assignment } };
  },
});
