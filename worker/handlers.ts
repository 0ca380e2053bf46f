/**
 * Every Kafka API that is served, by key. A handler that stands here is advertised by ApiVersions; one that doesn't is not.
 */
import type { Handler } from "../durable-objects/handler.ts";
import { produceHandler } from "./handlers/00-produce.ts";
import { fetchHandler } from "./handlers/01-fetch.ts";
import { listOffsetsHandler } from "./handlers/02-list-offsets.ts";
import { metadataHandler } from "./handlers/03-metadata.ts";
import { offsetCommitHandler } from "./handlers/08-offset-commit.ts";
import { offsetFetchHandler } from "./handlers/09-offset-fetch.ts";
import { findCoordinatorHandler } from "./handlers/10-find-coordinator.ts";
import { joinGroupHandler } from "./handlers/11-join-group.ts";
import { heartbeatHandler } from "./handlers/12-heartbeat.ts";
import { leaveGroupHandler } from "./handlers/13-leave-group.ts";
import { syncGroupHandler } from "./handlers/14-sync-group.ts";
import { describeGroupsHandler } from "./handlers/15-describe-groups.ts";
import { listGroupsHandler } from "./handlers/16-list-groups.ts";
import { saslHandshakeHandler } from "./handlers/17-sasl-handshake.ts";
import { apiVersionsHandler } from "./handlers/18-api-versions.ts";
import { createTopicsHandler } from "./handlers/19-create-topics.ts";
import { deleteTopicsHandler } from "./handlers/20-delete-topics.ts";
import { deleteRecordsHandler } from "./handlers/21-delete-records.ts";
import { initProducerIdHandler } from "./handlers/22-init-producer-id.ts";
import { offsetForLeaderEpochHandler } from "./handlers/23-offset-for-leader-epoch.ts";
import { addPartitionsToTxnHandler } from "./handlers/24-add-partitions-to-txn.ts";
import { addOffsetsToTxnHandler } from "./handlers/25-add-offsets-to-txn.ts";
import { endTxnHandler } from "./handlers/26-end-txn.ts";
import { writeTxnMarkersHandler } from "./handlers/27-write-txn-markers.ts";
import { txnOffsetCommitHandler } from "./handlers/28-txn-offset-commit.ts";
import { describeAclsHandler } from "./handlers/29-describe-acls.ts";
import { createAclsHandler } from "./handlers/30-create-acls.ts";
import { deleteAclsHandler } from "./handlers/31-delete-acls.ts";
import { describeConfigsHandler } from "./handlers/32-describe-configs.ts";
import { alterConfigsHandler } from "./handlers/33-alter-configs.ts";
import { alterReplicaLogDirsHandler } from "./handlers/34-alter-replica-log-dirs.ts";
import { describeLogDirsHandler } from "./handlers/35-describe-log-dirs.ts";
import { createPartitionsHandler } from "./handlers/37-create-partitions.ts";
import { deleteGroupsHandler } from "./handlers/42-delete-groups.ts";
import { electLeadersHandler } from "./handlers/43-elect-leaders.ts";
import { incrementalAlterConfigsHandler } from "./handlers/44-incremental-alter-configs.ts";
import { alterPartitionReassignmentsHandler } from "./handlers/45-alter-partition-reassignments.ts";
import { listPartitionReassignmentsHandler } from "./handlers/46-list-partition-reassignments.ts";
import { offsetDeleteHandler } from "./handlers/47-offset-delete.ts";
import { describeClientQuotasHandler } from "./handlers/48-describe-client-quotas.ts";
import { alterClientQuotasHandler } from "./handlers/49-alter-client-quotas.ts";
import { describeUserScramCredentialsHandler } from "./handlers/50-describe-user-scram-credentials.ts";
import { describeQuorumHandler } from "./handlers/55-describe-quorum.ts";
import { updateFeaturesHandler } from "./handlers/57-update-features.ts";
import { describeClusterHandler } from "./handlers/60-describe-cluster.ts";
import { describeProducersHandler } from "./handlers/61-describe-producers.ts";
import { describeTransactionsHandler } from "./handlers/65-describe-transactions.ts";
import { listTransactionsHandler } from "./handlers/66-list-transactions.ts";
import { listConfigResourcesHandler } from "./handlers/74-list-config-resources.ts";
import { consumerGroupHeartbeatHandler } from "./handlers/68-consumer-group-heartbeat.ts";
import { consumerGroupDescribeHandler } from "./handlers/69-consumer-group-describe.ts";
import { describeTopicPartitionsHandler } from "./handlers/75-describe-topic-partitions.ts";

const served: readonly Handler[] = [
  produceHandler,
  fetchHandler,
  listOffsetsHandler,
  metadataHandler,
  offsetCommitHandler,
  offsetFetchHandler,
  findCoordinatorHandler,
  joinGroupHandler,
  heartbeatHandler,
  leaveGroupHandler,
  syncGroupHandler,
  describeGroupsHandler,
  listGroupsHandler,
  saslHandshakeHandler,
  createTopicsHandler,
  deleteTopicsHandler,
  deleteRecordsHandler,
  initProducerIdHandler,
  offsetForLeaderEpochHandler,
  addPartitionsToTxnHandler,
  addOffsetsToTxnHandler,
  endTxnHandler,
  writeTxnMarkersHandler,
  txnOffsetCommitHandler,
  describeAclsHandler,
  createAclsHandler,
  deleteAclsHandler,
  describeConfigsHandler,
  alterConfigsHandler,
  alterReplicaLogDirsHandler,
  describeLogDirsHandler,
  createPartitionsHandler,
  deleteGroupsHandler,
  electLeadersHandler,
  incrementalAlterConfigsHandler,
  alterPartitionReassignmentsHandler,
  listPartitionReassignmentsHandler,
  offsetDeleteHandler,
  describeClientQuotasHandler,
  alterClientQuotasHandler,
  describeUserScramCredentialsHandler,
  describeQuorumHandler,
  updateFeaturesHandler,
  describeClusterHandler,
  describeProducersHandler,
  describeTransactionsHandler,
  listTransactionsHandler,
  listConfigResourcesHandler,
  consumerGroupHeartbeatHandler,
  consumerGroupDescribeHandler,
  describeTopicPartitionsHandler,
  apiVersionsHandler(() => handlers.values()),
];

export const handlers: ReadonlyMap<number, Handler> = new Map(
  served.toSorted((a, b) => a.api.key - b.api.key).map((handler) => [handler.api.key, handler]),
);
