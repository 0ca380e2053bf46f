/**
 * JoinGroup: who may enter, under which id, and whether it starts a rebalance, joins the one under way or is simply told again
 * what holds. The order of the checks is Kafka's, since clients react differently to each code.
 */
import { errorCodes } from "../../../protocol/errors.ts";
import type { ClientFacts, JoinGroupRequest } from "../requests.ts";
import { joinError } from "./answers.ts";
import type { ClassicGroup } from "./group.ts";
import { hasProtocols, newMember, rebalanceTimeoutOf, type ClassicMember } from "./member.ts";
import { membershipEntry } from "./rows.ts";

export interface Join {
  readonly requestId: number;
  readonly request: JoinGroupRequest;
  readonly facts: ClientFacts;
  /** Random: the new part of a member id, should one be needed. */
  readonly uuid: string;
}

export function joinGroup(group: ClassicGroup, join: Join, now: number): void {
  const { memberId } = join.request;
  const refuse = (errorCode: number, id: string) => group.outbox.reply(join.requestId, joinError(errorCode, id));
  if (!accepts(group, memberId)) {
    const member = group.members.get(memberId);
    if (member === undefined) group.removePending(memberId);
    else group.removeMember(member);
    refuse(errorCodes.GROUP_MAX_SIZE_REACHED, "");
  } else if (!speaks(group, join.request)) {
    refuse(errorCodes.INCONSISTENT_GROUP_PROTOCOL, memberId);
  } else if (memberId === "") {
    joinAsNew(group, join, now);
  } else if (group.members.pending.has(memberId) && join.request.groupInstanceId === null) {
    enter(group, join, memberId, now);
  } else {
    const errorCode = group.members.check(memberId, join.request.groupInstanceId);
    if (errorCode === errorCodes.NONE) joinAgain(group, group.members.get(memberId)!, join, now);
    else refuse(errorCode, memberId);
  }
  group.completeJoinIfAllJoined(now);
}

/** While members gather, those with a parked join count: who rejoins last in a group too large has to go. */
function accepts(group: ClassicGroup, memberId: string): boolean {
  const { members, options } = group;
  if (group.state === "Empty") return true;
  if (group.state === "PreparingRebalance") {
    return members.get(memberId)?.joinRequest !== undefined || members.joining < options.maxSize;
  }
  return members.has(memberId) || members.size < options.maxSize;
}

function speaks(group: ClassicGroup, { protocolType, protocols }: JoinGroupRequest): boolean {
  if (group.state === "Empty") return protocolType !== "" && protocols.length > 0;
  return group.protocolType === protocolType && group.members.supportAnyOf(protocols);
}

function joinAsNew(group: ClassicGroup, join: Join, now: number): void {
  const { request, facts } = join;
  const memberId = `${request.groupInstanceId ?? facts.clientId}-${join.uuid}`;
  if (request.groupInstanceId !== null) {
    const owner = group.members.memberIdOf(request.groupInstanceId);
    if (owner === undefined) enter(group, join, memberId, now);
    else replaceStatic(group, group.members.get(owner)!, memberId, join, now);
  } else if (facts.apiVersion >= 4) {
    // KIP-394: the id is told before the member counts, so that joins that time out leave no ghosts behind.
    group.addPending(memberId, request.sessionTimeoutMs, now);
    group.outbox.reply(join.requestId, joinError(errorCodes.MEMBER_ID_REQUIRED, memberId));
  } else {
    enter(group, join, memberId, now);
  }
}

function enter(group: ClassicGroup, join: Join, memberId: string, now: number): void {
  const member = newMember(memberId, join.request, join.facts);
  member.joinRequest = join.requestId;
  group.addMember(member, join.request.protocolType, now);
  group.rebalance(now);
}

function joinAgain(group: ClassicGroup, member: ClassicMember, join: Join, now: number): void {
  const changed = !hasProtocols(member, join.request.protocols);
  const answerNow = () => {
    group.heard(member, now);
    group.outbox.reply(join.requestId, group.joined(member));
  };
  switch (group.state) {
    case "PreparingRebalance":
      park(group, member, join);
      group.rebalance(now);
      break;
    case "CompletingRebalance":
      // The same metadata: most likely the answer got lost.
      if (!changed) return answerNow();
      park(group, member, join);
      group.rebalance(now);
      break;
    case "Stable":
      // A leader's join always counts: topics may have changed, which its metadata does not show.
      if (!changed && group.members.leader !== member.memberId) return answerNow();
      park(group, member, join);
      group.rebalance(now);
      break;
    case "Empty":
      group.outbox.reply(join.requestId, joinError(errorCodes.UNKNOWN_MEMBER_ID, member.memberId));
  }
}

function park(group: ClassicGroup, member: ClassicMember, join: Join): void {
  // An earlier join of the same member has lost its caller or will be asked again.
  group.answerJoin(member, joinError(errorCodes.REBALANCE_IN_PROGRESS, member.memberId));
  adopt(group, member, join.request);
  group.members.setJoinRequest(member, join.requestId);
}

function adopt(group: ClassicGroup, member: ClassicMember, request: JoinGroupRequest): void {
  group.members.setProtocols(member, request.protocols);
  member.sessionTimeoutMs = request.sessionTimeoutMs;
  member.rebalanceTimeoutMs = rebalanceTimeoutOf(request);
}

/** KIP-345: a known instance comes back under a new member id; whoever held the old one is fenced. */
function replaceStatic(group: ClassicGroup, member: ClassicMember, memberId: string, join: Join, now: number): void {
  const formerLeader = group.members.leader;
  group.refuseParked(member, joinError(errorCodes.FENCED_INSTANCE_ID, member.memberId));
  group.renameMember(member, memberId);
  adopt(group, member, join.request);
  group.heard(member, now);
  if (group.state === "Stable" && group.members.selectProtocol() === group.protocolName) {
    group.outbox.append(membershipEntry(group));
    group.outbox.reply(join.requestId, rejoined(group, member, join.facts.apiVersion, formerLeader));
    return;
  }
  group.members.setJoinRequest(member, join.requestId);
  // In CompletingRebalance the leader may already be assigning to the old member id: start over.
  group.rebalance(now);
}

/** Nothing changes for the others. Old clients are told of the former leader, so that nobody assigns; new ones are told to skip it. */
function rejoined(group: ClassicGroup, member: ClassicMember, apiVersion: number, formerLeader: string | null) {
  const answer = group.joined(member);
  if (apiVersion >= 9) return { ...answer, skipAssignment: group.members.leader === member.memberId };
  return { ...answer, leader: formerLeader ?? "", members: [] };
}
