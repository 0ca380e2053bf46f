/** What a ConsumerGroupHeartbeat must say in which version, with Kafka's words for what is wrong with it. */
import { errorCodes } from "../../../protocol/errors.ts";
import { assignors } from "./assignors.ts";
import type { ConsumerMember } from "./member.ts";
import { compilePattern } from "./pattern.ts";
import type { ConsumerHeartbeatAnswer, ConsumerHeartbeatRequest } from "./requests.ts";
import type { PartitionsOfTopic, TopicPartitions } from "./topic-partitions.ts";

export interface Refusal {
  readonly errorCode: number;
  readonly errorMessage: string;
}

export const leaveEpoch = -1;
export const leaveForAWhileEpoch = -2;

export function refused({ errorCode, errorMessage }: Refusal): ConsumerHeartbeatAnswer {
  return { errorCode, errorMessage, memberId: null, memberEpoch: 0, heartbeatIntervalMs: 0, assignment: null };
}

/** Undefined when the request is as it must be. */
export function checkHeartbeat(request: ConsumerHeartbeatRequest, apiVersion: number): Refusal | undefined {
  const wrong = wording(request, apiVersion);
  if (wrong !== undefined) return { errorCode: errorCodes.INVALID_REQUEST, errorMessage: wrong };
  return checkAssignor(request.serverAssignor) ?? checkRegex(request.subscribedTopicRegex);
}

function checkAssignor(serverAssignor: string | null): Refusal | undefined {
  if (serverAssignor === null || assignors.has(serverAssignor)) return undefined;
  const supported = [...assignors.keys()].join(", ");
  const errorMessage = `ServerAssignor ${serverAssignor} is not supported. Supported assignors: ${supported}.`;
  return { errorCode: errorCodes.UNSUPPORTED_ASSIGNOR, errorMessage };
}

function checkRegex(regex: string | null): Refusal | undefined {
  const pattern = compilePattern(regex ?? "");
  if (!("problem" in pattern)) return undefined;
  const errorMessage = `SubscribedTopicRegex \`${regex}\` is not a valid regular expression: ${pattern.problem}.`;
  return { errorCode: errorCodes.INVALID_REGULAR_EXPRESSION, errorMessage };
}

function wording(request: ConsumerHeartbeatRequest, apiVersion: number): string | undefined {
  const { memberId, memberEpoch, instanceId } = request;
  if (memberId === "" && (apiVersion >= 1 || memberEpoch !== 0)) return "MemberId can't be empty.";
  if (instanceId?.trim() === "") return "InstanceId can't be empty.";
  if (request.rackId?.trim() === "") return "RackId can't be empty.";
  if (memberEpoch < leaveForAWhileEpoch) return "MemberEpoch is invalid.";
  if (memberEpoch === leaveForAWhileEpoch && instanceId === null) return "InstanceId can't be null.";
  if (memberEpoch !== 0) return undefined;
  if (request.rebalanceTimeoutMs === -1) return "RebalanceTimeoutMs must be provided in first request.";
  if (request.topicPartitions?.length !== 0) return "TopicPartitions must be empty when (re-)joining.";
  if (request.subscribedTopicNames === null && request.subscribedTopicRegex === null) {
    return "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.";
  }
  return undefined;
}

/** An epoch behind is the last answer lost, provided the member owns nothing it should not. */
export function checkEpoch(
  member: ConsumerMember,
  { memberEpoch, topicPartitions }: ConsumerHeartbeatRequest,
): Refusal | undefined {
  if (memberEpoch === member.memberEpoch) return undefined;
  const fenced = (comparison: string): Refusal => ({
    errorCode: errorCodes.FENCED_MEMBER_EPOCH,
    errorMessage:
      `The consumer group member has a ${comparison} member epoch (${memberEpoch}) than the one known by the group coordinator ` +
      `(${member.memberEpoch}). The member must abandon all its partitions and rejoin.`,
  });
  if (memberEpoch > member.memberEpoch) return fenced("greater");
  const lostAnswer = memberEpoch === member.previousMemberEpoch && ownsWithin(topicPartitions, member.assigned);
  return lostAnswer ? undefined : fenced("smaller");
}

function ownsWithin(owned: readonly PartitionsOfTopic[] | null, assigned: TopicPartitions): boolean {
  return (
    owned !== null && owned.every(({ topicId, partitions }) => partitions.every((partition) => assigned.has(topicId, partition)))
  );
}

export function unknownMember(memberId: string, groupId: string): Refusal {
  return { errorCode: errorCodes.UNKNOWN_MEMBER_ID, errorMessage: `Member ${memberId} is not a member of group ${groupId}.` };
}

export function unknownInstance(instanceId: string): Refusal {
  return { errorCode: errorCodes.UNKNOWN_MEMBER_ID, errorMessage: `Instance id ${instanceId} is unknown.` };
}

export function fencedInstance(memberId: string, instanceId: string, owner: string): Refusal {
  const errorMessage = `Static member ${memberId} with instance id ${instanceId} was fenced by member ${owner}.`;
  return { errorCode: errorCodes.FENCED_INSTANCE_ID, errorMessage };
}

export function unreleased(memberId: string, { memberId: owner, instanceId }: ConsumerMember): Refusal {
  const errorMessage = `Static member ${memberId} with instance id ${instanceId} cannot join the group because the instance id is owned by ${owner} member.`;
  return { errorCode: errorCodes.UNRELEASED_INSTANCE_ID, errorMessage };
}

export function tooLarge(maxSize: number): Refusal {
  const errorMessage = `The consumer group has reached its maximum capacity of ${maxSize} members.`;
  return { errorCode: errorCodes.GROUP_MAX_SIZE_REACHED, errorMessage };
}
