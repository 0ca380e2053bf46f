/**
 * ConsumerGroupHeartbeat: who may enter or go on, under which epoch, and who leaves. The order of the checks and their words are
 * Kafka's. An instance whose old self speaks the classic protocol comes over without having left first.
 */
import type { ClientFacts } from "../requests.ts";
import {
  checkEpoch,
  fencedInstance,
  leaveEpoch,
  leaveForAWhileEpoch,
  refused,
  tooLarge,
  unknownInstance,
  unknownMember,
  unreleased,
  type Refusal,
} from "./checks.ts";
import type { ConsumerGroup } from "./group.ts";
import { isFull, metadataOf, unsaid } from "./metadata.ts";
import { newConsumerMember, type ConsumerMember } from "./member.ts";
import type { ConsumerHeartbeatAnswer, ConsumerHeartbeatRequest, TopicsView } from "./requests.ts";

export interface ConsumerHeartbeat {
  readonly request: ConsumerHeartbeatRequest;
  readonly facts: ClientFacts;
  /** Random: the id of a member that has none (version 0). */
  readonly uuid: string;
  readonly view: TopicsView;
}

interface Admission {
  readonly member: ConsumerMember;
  /** The static instance was known under this member id. */
  readonly replaces: string | undefined;
}

export function heartbeat(group: ConsumerGroup, beat: ConsumerHeartbeat, now: number): ConsumerHeartbeatAnswer {
  const { memberEpoch } = beat.request;
  if (memberEpoch === leaveEpoch || memberEpoch === leaveForAWhileEpoch) return leave(group, beat.request, now);
  const admission = admit(group, beat);
  return "errorCode" in admission ? refused(admission) : goOn(group, beat, admission, now);
}

/** The member that speaks, or why it may not. Changes nothing. */
export function admit(group: ConsumerGroup, { request, uuid }: Pick<ConsumerHeartbeat, "request" | "uuid">): Admission | Refusal {
  const memberId = request.memberId === "" ? uuid : request.memberId;
  const { consumerMaxSize, groupId } = group.surroundings.options;
  const known = group.member(memberId);
  if (group.size >= consumerMaxSize && known === undefined) return tooLarge(consumerMaxSize);
  const joins = request.memberEpoch === 0;
  const { instanceId } = request;
  if (joins && instanceId === null) return { member: known ?? newConsumerMember(memberId, unsaid), replaces: undefined };
  if (joins && instanceId !== null) return admitInstance(group, memberId, instanceId);
  const refusal = checkInstance(group, memberId, instanceId);
  if (refusal !== undefined) return refusal;
  if (known === undefined) return unknownMember(memberId, groupId);
  return checkEpoch(known, request) ?? { member: known, replaces: undefined };
}

function admitInstance(group: ConsumerGroup, memberId: string, instanceId: string): Admission | Refusal {
  const owner = group.memberOf(instanceId);
  if (owner === undefined || owner.memberId === memberId) {
    return { member: owner ?? newConsumerMember(memberId, unsaid), replaces: undefined };
  }
  if (owner.classic === null && owner.memberEpoch !== leaveForAWhileEpoch) return unreleased(memberId, owner);
  return { member: renamed(owner, memberId), replaces: owner.memberId };
}

/** The instance under its new id: it has what it had, and hears of everything anew. */
export function renamed(owner: ConsumerMember, memberId: string): ConsumerMember {
  return { ...owner, memberId, memberEpoch: 0, previousMemberEpoch: 0 };
}

/** An instance id decides before the member id: a replaced static member must learn that it was. */
export function checkInstance(group: ConsumerGroup, memberId: string, instanceId: string | null): Refusal | undefined {
  if (instanceId === null) return undefined;
  const owner = group.memberOf(instanceId);
  if (owner === undefined) return unknownInstance(instanceId);
  return owner.memberId === memberId ? undefined : fencedInstance(memberId, instanceId, owner.memberId);
}

function goOn(group: ConsumerGroup, beat: ConsumerHeartbeat, admission: Admission, now: number): ConsumerHeartbeatAnswer {
  const { request, facts, view } = beat;
  const { member: before, replaces } = admission;
  const described = { ...before, ...metadataOf(before, request, facts) };
  const { member } = group.step({ before, described, replaces, owned: request.topicPartitions, view }, now);
  const tell = request.memberEpoch === 0 || isFull(request) || !member.assigned.equals(before.assigned);
  return {
    errorCode: 0,
    errorMessage: null,
    memberId: member.memberId,
    memberEpoch: member.memberEpoch,
    heartbeatIntervalMs: group.surroundings.configs.consumerHeartbeatIntervalMs,
    assignment: tell ? member.assigned.list() : null,
  };
}

function leave(group: ConsumerGroup, request: ConsumerHeartbeatRequest, now: number): ConsumerHeartbeatAnswer {
  const { memberId, memberEpoch, instanceId } = request;
  const member = group.member(memberId);
  const refusal = checkInstance(group, memberId, instanceId);
  if (refusal !== undefined) return refused(refusal);
  if (member === undefined) return refused(unknownMember(memberId, group.surroundings.options.groupId));
  if (memberEpoch === leaveForAWhileEpoch) group.setAway(member);
  else group.fence([memberId], now);
  return { errorCode: 0, errorMessage: null, memberId, memberEpoch, heartbeatIntervalMs: 0, assignment: null };
}
