/** ConsumerGroupDescribe, versions 0–1. Groups of the consumer protocol only. KIP-848; KIP-1099 (member type). */
import type { AskableGroup } from "../../core/group/absent-group.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { consumerGroupDescribe } from "../../protocol/messages/69-consumer-group-describe.ts";
import { defineHandler } from "./define-handler.ts";
import { groupOperations } from "./group-requests.ts";
import { namedGroups } from "./many-names.ts";
import { sideBySide } from "./side-by-side.ts";
import { coordinatorUnreachable } from "./unreachable.ts";

const memberTypes = { classic: 0, consumer: 1 } as const;

export const consumerGroupDescribeHandler = defineHandler({
  api: consumerGroupDescribe,
  versions: [0, 1],
  async handle(request, context) {
    const authorizedOperations = request.includeAuthorizedOperations ? groupOperations : undefined;
    const find = await namedGroups(request.groupIds, context.services);
    const groups = await sideBySide(request.groupIds, (groupId) => describe(groupId, find(groupId)));
    return { groups: groups.map((group) => ({ ...group, authorizedOperations })) };
  },
  unreachable: ({ groupIds }) => ({ groups: groupIds.map((groupId) => ({ groupId, errorCode: coordinatorUnreachable })) }),
});

async function describe(groupId: string, asked: AskableGroup) {
  if (groupId === "") return { groupId, errorCode: errorCodes.INVALID_GROUP_ID };
  const { members, ...group } = await asked.describeConsumer();
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
