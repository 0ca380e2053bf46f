/**
 * What handlers ask of a group and what it answers: the bodies of Kafka's group APIs as plain data, without the parts that only
 * the wire needs (group id, throttle time, defaults of old versions). Offsets are numbers, topics are named by id and by name:
 * handlers resolve one from the other, so a group never holds an offset of a topic that did not exist.
 */
import type { TopicId } from "../coordinator.ts";

/** Who asks, and in which version: old versions have other rules (member ids, skipped assignments, error codes). */
export interface ClientFacts {
  readonly apiVersion: number;
  readonly clientId: string;
  /** As Kafka shows it, with the slash: /127.0.0.1. */
  readonly clientHost: string;
}

export interface GroupProtocol {
  readonly name: string;
  readonly metadata: Uint8Array;
}

export interface JoinGroupRequest {
  readonly sessionTimeoutMs: number;
  /** -1 below version 1: the session timeout counts. */
  readonly rebalanceTimeoutMs: number;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly protocolType: string;
  readonly protocols: readonly GroupProtocol[];
}

export interface JoinGroupMember {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly metadata: Uint8Array;
}

export interface JoinGroupAnswer {
  readonly errorCode: number;
  readonly generationId: number;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly leader: string;
  readonly skipAssignment: boolean;
  readonly memberId: string;
  readonly members: readonly JoinGroupMember[];
}

export interface SyncGroupRequest {
  readonly generationId: number;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Uint8Array }[];
}

export interface SyncGroupAnswer {
  readonly errorCode: number;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly assignment: Uint8Array;
}

export interface HeartbeatRequest {
  readonly generationId: number;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
}

export interface HeartbeatAnswer {
  readonly errorCode: number;
}

export interface LeavingMember {
  /** Empty when an administrator removes a static member by its instance id. */
  readonly memberId: string;
  readonly groupInstanceId: string | null;
}

export interface LeaveGroupRequest {
  readonly members: readonly LeavingMember[];
}

export interface LeaveGroupAnswer {
  readonly errorCode: number;
  readonly members: readonly (LeavingMember & { readonly errorCode: number })[];
}

export interface OffsetCommitRequest {
  /** Generation or member epoch; -1 for those who only store offsets. */
  readonly generationId: number;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  /** -1: the group's retention counts. */
  readonly retentionTimeMs: number;
  readonly topics: readonly {
    readonly topicId: TopicId;
    readonly name: string;
    readonly partitions: readonly CommittedPartition[];
  }[];
}

export interface CommittedPartition {
  readonly partition: number;
  readonly offset: number;
  /** -1: not told. */
  readonly leaderEpoch: number;
  readonly metadata: string | null;
}

export interface OffsetCommitAnswer {
  /** Per topic and partition of the request, in its order. */
  readonly partitionErrors: readonly (readonly number[])[];
}

/** Offsets that count once the transaction commits. */
export interface TransactionalOffsetCommitRequest extends Pick<
  OffsetCommitRequest,
  "generationId" | "memberId" | "groupInstanceId" | "topics"
> {
  readonly producerId: number;
  readonly producerEpoch: number;
  /** Which of its coordinator's transactions they are part of, by the coordinator's word. */
  readonly transactionGeneration: number;
}

export interface OffsetFetchRequest {
  readonly memberId: string | null;
  /** -1 below version 9 and for classic members. */
  readonly memberEpoch: number;
  /** Null: everything the group has. */
  readonly topics: readonly { readonly topicId: TopicId; readonly name: string; readonly partitions: readonly number[] }[] | null;
  readonly requireStable: boolean;
}

export interface FetchedPartition {
  readonly partition: number;
  /** -1 when nothing was committed. */
  readonly offset: number;
  readonly leaderEpoch: number;
  readonly metadata: string;
  readonly errorCode: number;
}

export interface OffsetFetchAnswer {
  readonly errorCode: number;
  readonly topics: readonly {
    readonly topicId: TopicId;
    readonly name: string;
    readonly partitions: readonly FetchedPartition[];
  }[];
}

export interface OffsetDeleteRequest {
  readonly topics: readonly { readonly topicId: TopicId; readonly name: string; readonly partitions: readonly number[] }[];
}

export interface OffsetDeleteAnswer {
  readonly errorCode: number;
  /** Per topic and partition of the request, in its order; empty when errorCode is set. */
  readonly partitionErrors: readonly (readonly number[])[];
}

export interface DeleteGroupAnswer {
  readonly errorCode: number;
}

export interface DescribedMember {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  readonly memberMetadata: Uint8Array;
  readonly memberAssignment: Uint8Array;
}

export interface DescribeGroupAnswer {
  /** GROUP_ID_NOT_FOUND when there is no such classic group; versions below 6 show that as state Dead without an error. */
  readonly errorCode: number;
  readonly errorMessage: string | null;
  readonly groupState: string;
  readonly protocolType: string;
  readonly protocolData: string;
  readonly members: readonly DescribedMember[];
}

/** What ListGroups shows of a group; undefined when there is none by this name. */
export interface GroupListing {
  readonly protocolType: string;
  readonly groupState: string;
  readonly groupType: "classic" | "consumer";
}
