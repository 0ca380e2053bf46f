/** Who may commit and fetch the offsets of a consumer group: members, with the epoch the group knows them by. */
import { errorCodes } from "../../../protocol/errors.ts";
import type { OffsetCommitRequest, OffsetFetchRequest } from "../requests.ts";
import type { ConsumerGroup } from "./group.ts";
import type { ConsumerMember } from "./member.ts";

/** Version 9 is the first whose clients understand a stale member epoch. */
const firstVersionWithEpochs = 9;

export function checkConsumerCommit(group: ConsumerGroup, request: OffsetCommitRequest, apiVersion: number): number {
  if (request.generationId < 0 && group.size === 0) return errorCodes.NONE;
  const member = group.member(request.memberId);
  if (member === undefined) return errorCodes.UNKNOWN_MEMBER_ID;
  if (member.classic === null && apiVersion < firstVersionWithEpochs) return errorCodes.UNSUPPORTED_VERSION;
  return checkEpochOf(member, request.generationId);
}

export function checkConsumerFetch(group: ConsumerGroup, { memberId, memberEpoch }: OffsetFetchRequest): number {
  if (memberId === null && memberEpoch < 0) return errorCodes.NONE;
  const member = group.member(memberId ?? "");
  if (member === undefined) return errorCodes.UNKNOWN_MEMBER_ID;
  return checkEpochOf(member, memberEpoch);
}

/** A classic member's generation is its epoch; it understands another error. */
function checkEpochOf(member: ConsumerMember, epoch: number): number {
  if (epoch === member.memberEpoch) return errorCodes.NONE;
  return member.classic === null ? errorCodes.STALE_MEMBER_EPOCH : errorCodes.ILLEGAL_GENERATION;
}
