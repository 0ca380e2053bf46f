/**
 * One member of a consumer group and its way from what it owns to what it is meant to own: first it gives up, then it advances to
 * the new epoch, then it gets what others have given up. KIP-848's reconciliation, which never lets a partition have two owners.
 */
import type { TopicId } from "../../coordinator.ts";
import type { GroupProtocol } from "../requests.ts";
import { TopicPartitions, type PartitionsOfTopic } from "./topic-partitions.ts";

export type MemberState = "Stable" | "UnrevokedPartitions" | "UnreleasedPartitions";

/** Of a member that speaks the classic protocol with a consumer group (KIP-848's migration). */
export interface ClassicMembership {
  readonly sessionTimeoutMs: number;
  readonly protocols: readonly GroupProtocol[];
}

/** What a member says of itself; only a change of the subscription makes others move. */
export interface MemberMetadata {
  readonly instanceId: string | null;
  readonly rackId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  readonly rebalanceTimeoutMs: number;
  readonly subscribedTopicNames: readonly string[];
  readonly subscribedTopicRegex: string | null;
  readonly serverAssignor: string | null;
  /** Null: it speaks the consumer protocol. */
  readonly classic: ClassicMembership | null;
}

export interface ConsumerMember extends MemberMetadata {
  readonly memberId: string;
  readonly memberEpoch: number;
  readonly previousMemberEpoch: number;
  readonly state: MemberState;
  readonly assigned: TopicPartitions;
  readonly pendingRevocation: TopicPartitions;
}

export function newConsumerMember(memberId: string, metadata: MemberMetadata): ConsumerMember {
  return {
    memberId,
    ...metadata,
    memberEpoch: 0,
    previousMemberEpoch: 0,
    state: "Stable",
    assigned: new TopicPartitions(),
    pendingRevocation: new TopicPartitions(),
  };
}

export interface Reconciliation {
  readonly targetEpoch: number;
  readonly target: TopicPartitions;
  /** What the member says it owns; null: it did not say. */
  readonly owned: readonly PartitionsOfTopic[] | null;
  /** Somebody, this member included, has it or has still to give it up. */
  readonly isOwned: (topicId: TopicId, partition: number) => boolean;
}

/** The member one step further; the same object when nothing changes. */
export function reconcile(member: ConsumerMember, reconciliation: Reconciliation): ConsumerMember {
  switch (member.state) {
    case "Stable":
      return member.memberEpoch === reconciliation.targetEpoch ? member : advance(member, reconciliation);
    case "UnrevokedPartitions":
      // Given up is what it no longer names among the owned.
      return stillOwns(reconciliation.owned, member.pendingRevocation) ? member : advance(member, reconciliation);
    case "UnreleasedPartitions":
      return advance(member, reconciliation);
  }
}

function stillOwns(owned: Reconciliation["owned"], pending: TopicPartitions): boolean {
  return owned === null || owned.some(({ topicId, partitions }) => partitions.some((partition) => pending.has(topicId, partition)));
}

function advance(member: ConsumerMember, reconciliation: Reconciliation): ConsumerMember {
  const { memberEpoch } = member;
  const { target, targetEpoch, owned, isOwned } = reconciliation;
  const kept = member.assigned.within(target);
  const pendingRevocation = member.assigned.without(target);
  const wanted = target.without(kept);
  // What it was to give up itself nobody else can have taken meanwhile.
  const available = wanted.filter(
    (topicId, partition) => !isOwned(topicId, partition) || member.pendingRevocation.has(topicId, partition),
  );
  if (pendingRevocation.size > 0 && stillOwns(owned, pendingRevocation)) {
    return next(member, { memberEpoch, state: "UnrevokedPartitions", assigned: kept, pendingRevocation });
  }
  return next(member, {
    memberEpoch: targetEpoch,
    state: available.size < wanted.size ? "UnreleasedPartitions" : "Stable",
    assigned: kept.union(available),
    pendingRevocation: new TopicPartitions(),
  });
}

type Step = Pick<ConsumerMember, "memberEpoch" | "state" | "assigned" | "pendingRevocation">;

function next(member: ConsumerMember, step: Step): ConsumerMember {
  const same =
    member.memberEpoch === step.memberEpoch &&
    member.state === step.state &&
    member.assigned.equals(step.assigned) &&
    member.pendingRevocation.equals(step.pendingRevocation);
  return same ? member : { ...member, ...step, previousMemberEpoch: member.memberEpoch };
}
