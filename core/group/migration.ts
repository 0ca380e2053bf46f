/**
 * A group that changes its protocol while its members are there (KIP-848). Upwards each classic member is taken over with what it
 * was last assigned, in the epoch of its generation; downwards with what it is meant to have, in the generation of the group epoch.
 * Nobody is told: members hear of the rebalance that follows as of any other.
 */
import { errorCodes } from "../../protocol/errors.ts";
import { ClassicGroup } from "./classic/group.ts";
import { protocolMetadata, type ClassicMember } from "./classic/member.ts";
import { readAssignment, readSubscription } from "./consumer-protocol.ts";
import { assignmentBytes, consumerProtocolType } from "./consumer/classic-members.ts";
import { defaultAssignor } from "./consumer/assignors.ts";
import type { Refusal } from "./consumer/checks.ts";
import type { ConsumerGroup } from "./consumer/group.ts";
import type { ConsumerMember } from "./consumer/member.ts";
import type { TopicsView } from "./consumer/requests.ts";
import type { ConsumerChange } from "./consumer/rows.ts";
import { Subscriptions } from "./consumer/subscriptions.ts";
import { TopicPartitions } from "./consumer/topic-partitions.ts";
import type { Surroundings } from "./surroundings.ts";

/** The classic group as a consumer group, or why it cannot become one. Changes nothing. */
export function upgraded(classic: ClassicGroup, view: TopicsView): ConsumerChange | Refusal {
  const refuse = (reason: string): Refusal => ({
    errorCode: errorCodes.GROUP_ID_NOT_FOUND,
    errorMessage: `Cannot upgrade classic group ${classic.options.groupId} to consumer group because ${reason}`,
  });
  const { migrationPolicy, consumerMaxSize } = classic.options;
  if (!migrationPolicy.upgrades) return refuse("online upgrade is disabled.");
  if (classic.protocolType !== consumerProtocolType) return refuse("the group does not use the consumer embedded protocol.");
  if (classic.members.size > consumerMaxSize) return refuse("the group size exceeds the consumer group maximum size.");
  const members: ConsumerMember[] = [];
  const taken = new TopicPartitions();
  for (const member of classic.members.all()) {
    const upgradedMember = takenOver(member, classic, view, taken);
    if (upgradedMember === undefined) return refuse("the embedded consumer protocol is malformed.");
    if (upgradedMember === "custom") return refuse(customAssignor);
    members.push(upgradedMember);
  }
  return {
    groupEpoch: classic.generationId,
    targetEpoch: classic.generationId,
    assignorName: defaultAssignor,
    emptySince: 0,
    removed: [],
    members,
    target: new Map(members.map(({ memberId, assigned }) => [memberId, assigned])),
    topics: new Subscriptions().of(members, view),
  };
}

const customAssignor =
  "an unsupported custom assignor is in use. " +
  "Please refer to the documentation or switch to a default assignor before re-attempting the upgrade.";

/** `taken`: what others have; an assignor that gave a partition to two members has it with the first of them from now on. */
function takenOver(
  member: ClassicMember,
  { generationId, protocolName }: ClassicGroup,
  { topics }: TopicsView,
  taken: TopicPartitions,
): ConsumerMember | "custom" | undefined {
  const metadata = protocolName === null ? member.protocols[0]!.metadata : protocolMetadata(member, protocolName);
  const subscription = readSubscription(metadata);
  const assignment = readAssignment(member.assignment);
  if (subscription === undefined || assignment === undefined) return undefined;
  if (assignment.hasUserData) return "custom";
  const assigned = new TopicPartitions();
  for (const { topic, partitions } of assignment.partitions) {
    const topicId = topics.get(topic)?.id;
    if (topicId === undefined) continue;
    for (const partition of partitions) if (!taken.has(topicId, partition)) assigned.add(topicId, partition);
  }
  for (const [topicId, partition] of assigned) taken.add(topicId, partition);
  return {
    memberId: member.memberId,
    instanceId: member.groupInstanceId,
    rackId: subscription.rackId,
    clientId: member.clientId,
    clientHost: member.clientHost,
    rebalanceTimeoutMs: member.rebalanceTimeoutMs,
    subscribedTopicNames: subscription.topics,
    subscribedTopicRegex: null,
    serverAssignor: null,
    classic: { sessionTimeoutMs: member.sessionTimeoutMs, protocols: member.protocols },
    memberEpoch: generationId,
    previousMemberEpoch: generationId,
    state: "Stable",
    assigned,
    pendingRevocation: new TopicPartitions(),
  };
}

/** A stable classic group of the members that are left, all of which speak its protocol. */
export function downgraded(consumer: ConsumerGroup, surroundings: Surroundings, now: number): ClassicGroup {
  const classic = new ClassicGroup(surroundings, now);
  classic.generationId = consumer.groupEpoch;
  classic.protocolType = consumerProtocolType;
  for (const member of consumer.members) classic.members.add(steppedDown(member));
  classic.protocolName = classic.members.selectProtocol();
  for (const member of classic.members.all()) {
    const metadata = protocolMetadata(member, classic.protocolName);
    member.assignment = assignmentBytes(consumer, consumer.targetOf(member.memberId), metadata);
  }
  classic.resume("Stable", now);
  return classic;
}

function steppedDown(member: ConsumerMember): ClassicMember {
  if (member.classic === null) throw new Error("a group is downgraded under a member of the consumer protocol");
  return {
    memberId: member.memberId,
    groupInstanceId: member.instanceId,
    clientId: member.clientId,
    clientHost: member.clientHost,
    sessionTimeoutMs: member.classic.sessionTimeoutMs,
    rebalanceTimeoutMs: member.rebalanceTimeoutMs,
    protocols: member.classic.protocols,
    assignment: new Uint8Array(0),
    isNew: false,
    joinRequest: undefined,
    syncRequest: undefined,
  };
}
