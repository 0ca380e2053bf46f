/**
 * Members of a consumer group that still speak the classic protocol (KIP-848's migration). A join takes them one step towards their
 * target, as a heartbeat takes others; a sync gives them what they have by then; a heartbeat tells them when there is more to do.
 * Nothing waits: each rejoins as soon as it hears of a change. Checks, order and codes are Kafka's.
 */
import { errorCodes } from "../../../protocol/errors.ts";
import { joinError, syncError, synced } from "../classic/answers.ts";
import type { Join } from "../classic/join.ts";
import { distinctProtocols, rebalanceTimeoutOf, sameProtocols } from "../classic/member.ts";
import { readSubscription, writeAssignment, type NamedPartitions, type Subscription } from "../consumer-protocol.ts";
import type {
  HeartbeatRequest,
  JoinGroupAnswer,
  JoinGroupRequest,
  LeaveGroupAnswer,
  LeaveGroupRequest,
  LeavingMember,
  SyncGroupAnswer,
  SyncGroupRequest,
} from "../requests.ts";
import type { ConsumerGroup } from "./group.ts";
import { checkInstance, renamed } from "./heartbeat.ts";
import { unsaid } from "./metadata.ts";
import { newConsumerMember, type ClassicMembership, type ConsumerMember } from "./member.ts";
import type { TopicsView } from "./requests.ts";
import type { PartitionsOfTopic, TopicPartitions } from "./topic-partitions.ts";

/** The only protocol type with which members of both kinds understand each other. */
export const consumerProtocolType = "consumer";

export function joinClassic(group: ConsumerGroup, join: Join, view: TopicsView, now: number): JoinGroupAnswer {
  const { request, facts, uuid } = join;
  const refuse = (errorCode: number) => joinError(errorCode, "");
  const isUnknown = request.memberId === "";
  const memberId = isUnknown ? uuid : request.memberId;
  const { consumerMaxSize } = group.surroundings.options;
  if (group.size >= consumerMaxSize && group.member(memberId) === undefined) return refuse(errorCodes.GROUP_MAX_SIZE_REACHED);
  if (!speaks(group, request)) return refuse(errorCodes.INCONSISTENT_GROUP_PROTOCOL);
  if (isUnknown && request.groupInstanceId === null && facts.apiVersion >= 4) {
    return joinError(errorCodes.MEMBER_ID_REQUIRED, memberId);
  }
  const found = find(group, memberId, request.groupInstanceId, isUnknown);
  if (typeof found === "number") return refuse(found);
  const subscription = readSubscription(request.protocols[0]!.metadata);
  if (subscription === undefined) return refuse(errorCodes.UNKNOWN_SERVER_ERROR);
  // It was removed and does not know: what it thinks it owns may be another's, and it must hear so before it goes on.
  const claims = subscription.ownedPartitions.some(({ partitions }) => partitions.length > 0);
  const isGone = claims && !isUnknown && group.member(memberId) === undefined;
  if (isGone) return refuse(errorCodes.UNKNOWN_MEMBER_ID);
  const { before, owner } = found;
  const settled = group.state === "Stable";
  const downgrades = owner !== undefined && group.downgradesWithout([owner], group.size);
  const described = describe(before, join, subscription);
  const owned = ofKnownTopics(subscription.ownedPartitions, view);
  const replaces = owner !== undefined && owner.memberId !== memberId ? owner.memberId : undefined;
  const { member, moved } = group.step({ before, described, replaces, owned, view }, now);
  // Where somebody is still to give up what another has been promised, all sort it out together.
  if (downgrades) group.downgrade = { rebalances: moved || !settled };
  group.awaitSync(member, now);
  return {
    ...joinError(errorCodes.NONE, memberId),
    generationId: member.memberEpoch,
    protocolType: consumerProtocolType,
    protocolName: member.classic!.protocols[0]!.name,
  };
}

/** At least one of the protocols is one that all classic members speak. */
function speaks(group: ConsumerGroup, { protocolType, protocols }: JoinGroupRequest): boolean {
  const others = [...group.members].flatMap(({ classic }) => classic ?? []);
  const isCommon = (name: string) => others.every((other) => other.protocols.some((protocol) => protocol.name === name));
  return protocolType === consumerProtocolType && protocols.some(({ name }) => isCommon(name));
}

/** The member that joins and, of a static one, who has its instance id so far; or why it may not. */
function find(
  group: ConsumerGroup,
  memberId: string,
  instanceId: string | null,
  isUnknown: boolean,
): { readonly before: ConsumerMember; readonly owner: ConsumerMember | undefined } | number {
  if (instanceId === null) return { before: group.member(memberId) ?? newConsumerMember(memberId, unsaid), owner: undefined };
  const owner = group.memberOf(instanceId);
  if (isUnknown) {
    return { before: owner === undefined ? newConsumerMember(memberId, unsaid) : renamed(owner, memberId), owner };
  }
  const refusal = checkInstance(group, memberId, instanceId);
  return refusal === undefined ? { before: owner!, owner } : refusal.errorCode;
}

function describe(before: ConsumerMember, { request, facts }: Join, subscription: Subscription): ConsumerMember {
  const classic = { sessionTimeoutMs: request.sessionTimeoutMs, protocols: distinctProtocols(request.protocols) };
  return {
    ...before,
    instanceId: request.groupInstanceId ?? before.instanceId,
    rackId: subscription.rackId ?? before.rackId,
    clientId: facts.clientId,
    clientHost: facts.clientHost,
    rebalanceTimeoutMs: rebalanceTimeoutOf(request),
    subscribedTopicNames: subscription.topics,
    subscribedTopicRegex: null,
    // The same object as before when nothing changed, so that a join that says nothing new writes nothing.
    classic: before.classic !== null && sameMembership(before.classic, classic) ? before.classic : classic,
  };
}

function sameMembership(left: ClassicMembership, right: ClassicMembership): boolean {
  return left.sessionTimeoutMs === right.sessionTimeoutMs && sameProtocols(left.protocols, right.protocols);
}

export function ofKnownTopics(named: readonly NamedPartitions[], { topics }: TopicsView): PartitionsOfTopic[] {
  return named.flatMap(({ topic, partitions }) => {
    const known = topics.get(topic);
    return known === undefined ? [] : [{ topicId: known.id, partitions }];
  });
}

/** The classic member that speaks, or the error that tells it what it is not. */
function speaker(
  group: ConsumerGroup,
  { memberId, groupInstanceId, generationId }: Pick<HeartbeatRequest, "memberId" | "groupInstanceId" | "generationId">,
): ConsumerMember | number {
  const refusal = checkInstance(group, memberId, groupInstanceId);
  if (refusal !== undefined) return refusal.errorCode;
  const member = group.member(memberId);
  if (member === undefined || member.classic === null) return errorCodes.UNKNOWN_MEMBER_ID;
  return member.memberEpoch === generationId ? member : errorCodes.ILLEGAL_GENERATION;
}

export function syncClassic(group: ConsumerGroup, request: SyncGroupRequest, now: number): SyncGroupAnswer {
  const member = speaker(group, request);
  if (typeof member === "number") return syncError(member);
  const { protocolType, protocolName } = request;
  const [protocol] = member.classic!.protocols;
  const isOther = (protocolType ?? consumerProtocolType) !== consumerProtocolType;
  if (isOther || (protocolName ?? protocol!.name) !== protocol!.name) return syncError(errorCodes.INCONSISTENT_GROUP_PROTOCOL);
  // Who has something to give up has rejoined already: it gets what it keeps, and is told to rejoin once more.
  if (group.groupEpoch > member.memberEpoch && member.state !== "UnrevokedPartitions") {
    group.awaitJoin(member, now);
    return syncError(errorCodes.REBALANCE_IN_PROGRESS);
  }
  group.synced(member);
  group.heard(member, now);
  return synced(protocolType, protocolName, assignmentBytes(group, member.assigned, protocol!.metadata));
}

/** As the consumer protocol writes it, in the version of the member's metadata; what belongs to a topic that is gone is left out. */
export function assignmentBytes(group: ConsumerGroup, partitions: TopicPartitions, metadata: Uint8Array): Uint8Array {
  const named = partitions.list().flatMap((topic) => {
    const name = group.topicName(topic.topicId);
    return name === undefined ? [] : [{ topic: name, partitions: topic.partitions }];
  });
  return writeAssignment(named, readSubscription(metadata)?.version ?? 0);
}

export function heartbeatClassic(group: ConsumerGroup, request: HeartbeatRequest, now: number): number {
  const member = speaker(group, request);
  if (typeof member === "number") return member;
  group.heard(member, now);
  const mayGoOn = member.state === "UnreleasedPartitions" && !group.waitsForOthers(member);
  if (member.memberEpoch >= group.groupEpoch && member.state !== "UnrevokedPartitions" && !mayGoOn) return errorCodes.NONE;
  group.awaitJoin(member, now);
  return errorCodes.REBALANCE_IN_PROGRESS;
}

/** Administrators remove members of either protocol so. */
export function leaveConsumerGroup(group: ConsumerGroup, request: LeaveGroupRequest, now: number): LeaveGroupAnswer {
  const leaving = request.members.map((member) => ({ ...member, found: findLeaving(group, member) }));
  group.fence(
    leaving.flatMap(({ found }) => (typeof found === "number" ? [] : [found.memberId])),
    now,
  );
  const members = leaving.map(({ memberId, groupInstanceId, found }) => {
    return { memberId, groupInstanceId, errorCode: typeof found === "number" ? found : errorCodes.NONE };
  });
  return { errorCode: errorCodes.NONE, members };
}

function findLeaving(group: ConsumerGroup, { memberId, groupInstanceId }: LeavingMember): ConsumerMember | number {
  if (groupInstanceId === null) return group.member(memberId) ?? errorCodes.UNKNOWN_MEMBER_ID;
  const owner = group.memberOf(groupInstanceId);
  if (owner === undefined) return errorCodes.UNKNOWN_MEMBER_ID;
  return memberId === "" || owner.memberId === memberId ? owner : errorCodes.FENCED_INSTANCE_ID;
}
