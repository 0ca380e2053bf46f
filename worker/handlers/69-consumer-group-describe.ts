/** ConsumerGroupDescribe, versions 0–1. Groups of the consumer protocol only. KIP-848; KIP-1099 (member type). */
import type { RequestContext } from "../../durable-objects/handler.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { consumerGroupDescribe } from "../../protocol/messages/69-consumer-group-describe.ts";
import { defineHandler } from "./define-handler.ts";
import { groupOperations } from "./group-requests.ts";
import { sideBySide } from "./side-by-side.ts";

const memberTypes = { classic: 0, consumer: 1 } as const;

export const consumerGroupDescribeHandler = defineHandler({
  api: consumerGroupDescribe,
  versions: [0, 1],
  async handle(request, context) {
    const authorizedOperations = request.includeAuthorizedOperations ? groupOperations : undefined;
    const groups = await sideBySide(request.groupIds, (groupId) => describe(groupId, context));
    return { groups: groups.map((group) => ({ ...group, authorizedOperations })) };
  },
});

async function describe(groupId: string, { services }: RequestContext) {
  if (groupId === "") return { groupId, errorCode: errorCodes.INVALID_GROUP_ID };
  const { members, ...group } = await services.group(groupId).describeConsumer();
  return {
    ...group,
    groupId,
    errorMessage: group.errorCode === errorCodes.GROUP_ID_NOT_FOUND ? `Group ${groupId} ${group.errorMessage}` : group.errorMessage,
    members: members.map(({ assignment, targetAssignment, speaksClassic, ...member }) => ({
      ...member,
      subscribedTopicRegex: member.subscribedTopicRegex ?? "",
      assignment: { topicPartitions: assignment },
      targetAssignment: { topicPartitions: targetAssignment },
      memberType: speaksClassic ? memberTypes.classic : memberTypes.consumer,
    })),
  };
}
