/** SyncGroup, Heartbeat, LeaveGroup and the right to commit, phase by phase: Kafka's tables. */
import { errorCodes } from "../../../protocol/errors.ts";
import type {
  HeartbeatRequest,
  LeaveGroupAnswer,
  LeaveGroupRequest,
  LeavingMember,
  OffsetCommitRequest,
  SyncGroupRequest,
} from "../requests.ts";
import { syncError, synced } from "./answers.ts";
import type { ClassicGroup } from "./group.ts";

export function syncGroup(group: ClassicGroup, requestId: number, request: SyncGroupRequest, now: number): void {
  const errorCode = checkSync(group, request);
  if (errorCode !== errorCodes.NONE) {
    group.outbox.reply(requestId, syncError(errorCode));
    return;
  }
  const member = group.members.get(request.memberId)!;
  group.synced(member.memberId);
  if (group.state === "Stable") {
    group.heard(member, now);
    group.outbox.reply(requestId, synced(group.protocolType, group.protocolName, member.assignment));
    return;
  }
  if (member.syncRequest !== undefined) group.outbox.reply(member.syncRequest, syncError(errorCodes.REBALANCE_IN_PROGRESS));
  member.syncRequest = requestId;
  if (group.members.leader === member.memberId) {
    group.assign(new Map(request.assignments.map(({ memberId, assignment }) => [memberId, assignment])), now);
  }
}

function checkSync(group: ClassicGroup, request: SyncGroupRequest): number {
  const errorCode = group.members.check(request.memberId, request.groupInstanceId);
  if (errorCode !== errorCodes.NONE) return errorCode;
  if (request.generationId !== group.generationId) return errorCodes.ILLEGAL_GENERATION;
  if (differs(request.protocolType, group.protocolType) || differs(request.protocolName, group.protocolName)) {
    return errorCodes.INCONSISTENT_GROUP_PROTOCOL;
  }
  if (group.state === "PreparingRebalance") return errorCodes.REBALANCE_IN_PROGRESS;
  return group.state === "Empty" ? errorCodes.UNKNOWN_MEMBER_ID : errorCodes.NONE;
}

function differs(said: string | null, held: string | null): boolean {
  return said !== null && held !== null && said !== held;
}

export function heartbeat(group: ClassicGroup, request: HeartbeatRequest, now: number): number {
  const errorCode = group.members.check(request.memberId, request.groupInstanceId);
  if (errorCode !== errorCodes.NONE) return errorCode;
  if (request.generationId !== group.generationId) return errorCodes.ILLEGAL_GENERATION;
  if (group.state === "Empty") return errorCodes.UNKNOWN_MEMBER_ID;
  group.heard(group.members.get(request.memberId)!, now);
  return group.state === "PreparingRebalance" ? errorCodes.REBALANCE_IN_PROGRESS : errorCodes.NONE;
}

export function leaveGroup(group: ClassicGroup, request: LeaveGroupRequest, now: number): LeaveGroupAnswer {
  const before = group.members.size;
  const members = request.members.map((leaving) => ({ ...leaving, errorCode: leave(group, leaving) }));
  if (group.members.size < before) group.membersLeft(now);
  else group.completeJoinIfAllJoined(now);
  return { errorCode: errorCodes.NONE, members };
}

function leave(group: ClassicGroup, { memberId, groupInstanceId }: LeavingMember): number {
  if (group.members.pending.has(memberId)) {
    group.removePending(memberId);
    return errorCodes.NONE;
  }
  // Without a member id an administrator speaks, who knows the instance only.
  const id = memberId === "" && groupInstanceId !== null ? (group.members.memberIdOf(groupInstanceId) ?? "") : memberId;
  const errorCode = group.members.check(id, groupInstanceId);
  if (errorCode === errorCodes.NONE) group.removeMember(group.members.get(id)!);
  return errorCode;
}

/**
 * May these offsets be committed? Generation -1 comes from those who only store offsets, and counts while nobody is a member.
 * A member's commit keeps its session alive.
 */
export function checkCommit(group: ClassicGroup, request: OffsetCommitRequest, now: number): number {
  const { generationId, memberId, groupInstanceId } = request;
  if (generationId < 0 && group.state === "Empty") return errorCodes.NONE;
  if (generationId < 0 && memberId === "" && groupInstanceId === null) return errorCodes.UNKNOWN_MEMBER_ID;
  const errorCode = group.members.check(memberId, groupInstanceId);
  if (errorCode !== errorCodes.NONE) return errorCode;
  if (generationId !== group.generationId) return errorCodes.ILLEGAL_GENERATION;
  if (group.state === "CompletingRebalance") return errorCodes.REBALANCE_IN_PROGRESS;
  group.heard(group.members.get(memberId)!, now);
  return errorCodes.NONE;
}
