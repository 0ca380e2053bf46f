/** Who may commit and fetch the offsets of a consumer group: members, with the epoch the group knows them by. */
import { errorCodes } from "../../../protocol/errors.ts";
import type { OffsetCommitRequest, OffsetFetchRequest } from "../requests.ts";
import type { ConsumerGroup } from "./group.ts";

/** Version 9 is the first whose clients understand a stale member epoch. */
const firstVersionWithEpochs = 9;

export function checkConsumerCommit(group: ConsumerGroup, request: OffsetCommitRequest, apiVersion: number): number {
  if (request.generationId < 0 && group.size === 0) return errorCodes.NONE;
  const member = group.member(request.memberId);
  if (member === undefined) return errorCodes.UNKNOWN_MEMBER_ID;
  if (apiVersion < firstVersionWithEpochs) return errorCodes.UNSUPPORTED_VERSION;
  return request.generationId === member.memberEpoch ? errorCodes.NONE : errorCodes.STALE_MEMBER_EPOCH;
}

export function checkConsumerFetch(group: ConsumerGroup, { memberId, memberEpoch }: OffsetFetchRequest): number {
  if (memberId === null && memberEpoch < 0) return errorCodes.NONE;
  const member = group.member(memberId ?? "");
  if (member === undefined) return errorCodes.UNKNOWN_MEMBER_ID;
  return memberEpoch === member.memberEpoch ? errorCodes.NONE : errorCodes.STALE_MEMBER_EPOCH;
}
