/**
 * A group that changes its protocol while its members are there (KIP-848). Upwards each classic member is taken over with what it
 * was last assigned, in the epoch of its generation; downwards with what it has not given up, in the generation of the group epoch.
 * Nobody is told: members hear of the rebalance that follows as of any other.
 */
import { errorCodes } from "../../protocol/errors.ts";
import { ClassicGroup } from "./classic/group.ts";
import { protocolMetadata, type ClassicMember } from "./classic/member.ts";
import { readAssignment, readSubscription, type Assignment, type NamedPartitions, type Subscription } from "./consumer-protocol.ts";
import { assignmentBytes, consumerProtocolType, ofKnownTopics } from "./consumer/classic-members.ts";
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
  const told: Told[] = [];
  for (const member of classic.members.all()) {
    const parsed = toldBy(member, classic);
    if (parsed === undefined) return refuse("the embedded consumer protocol is malformed.");
    if (parsed.assignment.hasUserData) return refuse(customAssignor);
    told.push(parsed);
  }
  const members = takenOver(told, classic.generationId, view);
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

/** What a classic member said when it joined and what its leader answered. */
interface Told {
  readonly member: ClassicMember;
  readonly subscription: Subscription;
  readonly assignment: Assignment;
}

function toldBy(member: ClassicMember, { protocolName }: ClassicGroup): Told | undefined {
  const metadata = protocolName === null ? member.protocols[0]!.metadata : protocolMetadata(member, protocolName);
  const subscription = readSubscription(metadata);
  const assignment = readAssignment(member.assignment);
  return subscription === undefined || assignment === undefined ? undefined : { member, subscription, assignment };
}

/**
 * Each with what it was assigned; what an assignor gave to two members belongs to the first of them. A cooperative member that was
 * assigned less than it had may not have heard of it: the rest is its own until it says otherwise.
 */
function takenOver(told: readonly Told[], generationId: number, view: TopicsView): ConsumerMember[] {
  const taken = new TopicPartitions();
  const take = (named: readonly NamedPartitions[]): TopicPartitions => {
    const own = TopicPartitions.of(ofKnownTopics(named, view)).without(taken);
    for (const [topicId, partition] of own) taken.add(topicId, partition);
    return own;
  };
  const assigned = told.map(({ assignment }) => take(assignment.partitions));
  return told.map(({ member, subscription }, index): ConsumerMember => {
    const pendingRevocation = take(subscription.ownedPartitions);
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
      state: pendingRevocation.size > 0 ? "UnrevokedPartitions" : "Stable",
      assigned: assigned[index]!,
      pendingRevocation,
    };
  });
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
    const { assigned, pendingRevocation } = consumer.member(member.memberId)!;
    member.assignment = assignmentBytes(consumer, assigned.union(pendingRevocation), metadata);
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
