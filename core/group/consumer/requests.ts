/** The bodies of ConsumerGroupHeartbeat and ConsumerGroupDescribe as plain data, and the view of topics that both depend on. */
import type { TopicId } from "../../coordinator.ts";
import type { PartitionsOfTopic } from "./topic-partitions.ts";

export interface ConsumerHeartbeatRequest {
  readonly memberId: string;
  /** 0 to join, -1 to leave, -2 to leave for a while as a static member. */
  readonly memberEpoch: number;
  readonly instanceId: string | null;
  readonly rackId: string | null;
  /** -1: as before. */
  readonly rebalanceTimeoutMs: number;
  /** Null here and below: as before. */
  readonly subscribedTopicNames: readonly string[] | null;
  readonly subscribedTopicRegex: string | null;
  readonly serverAssignor: string | null;
  readonly topicPartitions: readonly PartitionsOfTopic[] | null;
}

export interface ConsumerHeartbeatAnswer {
  readonly errorCode: number;
  readonly errorMessage: string | null;
  readonly memberId: string | null;
  readonly memberEpoch: number;
  readonly heartbeatIntervalMs: number;
  /** Null: as before. */
  readonly assignment: readonly PartitionsOfTopic[] | null;
}

/** All topics of the cluster at one version of the catalog. */
export interface TopicsView {
  readonly version: number;
  readonly topics: ReadonlyMap<string, { readonly id: TopicId; readonly partitions: number }>;
}

export interface DescribedPartitions extends PartitionsOfTopic {
  readonly topicName: string;
}

export interface DescribedConsumerMember {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly rackId: string | null;
  readonly memberEpoch: number;
  readonly clientId: string;
  readonly clientHost: string;
  readonly subscribedTopicNames: readonly string[];
  readonly subscribedTopicRegex: string | null;
  readonly assignment: readonly DescribedPartitions[];
  readonly targetAssignment: readonly DescribedPartitions[];
  /** It has not come over from the classic protocol yet. */
  readonly speaksClassic: boolean;
}

export interface DescribeConsumerGroupAnswer {
  readonly errorCode: number;
  readonly errorMessage: string | null;
  readonly groupState: string;
  readonly groupEpoch: number;
  readonly assignmentEpoch: number;
  readonly assignorName: string;
  readonly members: readonly DescribedConsumerMember[];
}
