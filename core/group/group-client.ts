/**
 * What handlers ask of one group's coordinator. The Group Durable Object implements it over RPC and core/group decides. A join or
 * a sync is answered when the rebalance has come so far, which may take minutes. Kafka outcomes are in the answers; when the
 * coordinator cannot be reached the client answers what Kafka answers while a coordinator loads (client-failures.ts).
 */
import type { TopicId } from "../coordinator.ts";
import type { TransactionEnd } from "../transaction/events.ts";
import type { ConsumerHeartbeatAnswer, ConsumerHeartbeatRequest, DescribeConsumerGroupAnswer } from "./consumer/requests.ts";
import type {
  ClientFacts,
  DeleteGroupAnswer,
  DescribeGroupAnswer,
  GroupListing,
  HeartbeatAnswer,
  HeartbeatRequest,
  JoinGroupAnswer,
  JoinGroupRequest,
  LeaveGroupAnswer,
  LeaveGroupRequest,
  OffsetCommitAnswer,
  OffsetCommitRequest,
  OffsetDeleteAnswer,
  OffsetDeleteRequest,
  OffsetFetchAnswer,
  OffsetFetchRequest,
  TransactionalOffsetCommitRequest,
  SyncGroupAnswer,
  SyncGroupRequest,
} from "./requests.ts";

export interface GroupClient {
  readonly groupId: string;
  joinGroup(request: JoinGroupRequest, facts: ClientFacts): Promise<JoinGroupAnswer>;
  syncGroup(request: SyncGroupRequest): Promise<SyncGroupAnswer>;
  heartbeat(request: HeartbeatRequest): Promise<HeartbeatAnswer>;
  /** The topics it needs the coordinator finds itself. */
  consumerHeartbeat(request: ConsumerHeartbeatRequest, facts: ClientFacts): Promise<ConsumerHeartbeatAnswer>;
  leaveGroup(request: LeaveGroupRequest): Promise<LeaveGroupAnswer>;
  commitOffsets(request: OffsetCommitRequest, facts: ClientFacts): Promise<OffsetCommitAnswer>;
  commitTransactionalOffsets(request: TransactionalOffsetCommitRequest): Promise<OffsetCommitAnswer>;
  /** A transaction with offsets of this group has ended. May be repeated. */
  completeTransaction(end: TransactionEnd): Promise<void>;
  fetchOffsets(request: OffsetFetchRequest): Promise<OffsetFetchAnswer>;
  deleteOffsets(request: OffsetDeleteRequest): Promise<OffsetDeleteAnswer>;
  /** These topics were deleted: their offsets go with them. */
  forgetTopics(topicIds: readonly TopicId[]): Promise<void>;
  describe(): Promise<DescribeGroupAnswer>;
  describeConsumer(): Promise<DescribeConsumerGroupAnswer>;
  /** Undefined when no such group exists. */
  list(): Promise<GroupListing | undefined>;
  delete(): Promise<DeleteGroupAnswer>;
}
