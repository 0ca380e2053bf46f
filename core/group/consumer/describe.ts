/** How a consumer group looks from outside: ConsumerGroupDescribe and ListGroups. */
import { errorCodes } from "../../../protocol/errors.ts";
import type { GroupListing } from "../requests.ts";
import type { ConsumerGroup } from "./group.ts";
import type { DescribeConsumerGroupAnswer, DescribedPartitions } from "./requests.ts";
import type { TopicPartitions } from "./topic-partitions.ts";

export function describeConsumer(group: ConsumerGroup): DescribeConsumerGroupAnswer {
  const named = (partitions: TopicPartitions): DescribedPartitions[] =>
    partitions.list().map((topic) => ({ ...topic, topicName: group.topicName(topic.topicId) ?? "" }));
  return {
    errorCode: errorCodes.NONE,
    errorMessage: null,
    groupState: group.state,
    groupEpoch: group.groupEpoch,
    assignmentEpoch: group.targetEpoch,
    assignorName: group.assignorName,
    members: Array.from(group.members, (member) => ({
      memberId: member.memberId,
      instanceId: member.instanceId,
      rackId: member.rackId,
      memberEpoch: member.memberEpoch,
      clientId: member.clientId,
      clientHost: member.clientHost,
      subscribedTopicNames: [...member.subscribedTopicNames].sort(),
      subscribedTopicRegex: member.subscribedTopicRegex,
      assignment: named(member.assigned),
      targetAssignment: named(group.targetOf(member.memberId)),
      speaksClassic: member.classic !== null,
    })),
  };
}

/** The message begins with the group, which only the asker knows. */
export function noSuchConsumerGroup(errorMessage: string): DescribeConsumerGroupAnswer {
  const errorCode = errorCodes.GROUP_ID_NOT_FOUND;
  return { errorCode, errorMessage, groupState: "", groupEpoch: 0, assignmentEpoch: 0, assignorName: "", members: [] };
}

export function listConsumer(group: ConsumerGroup): GroupListing {
  return { protocolType: "consumer", groupState: group.state, groupType: "consumer" };
}
