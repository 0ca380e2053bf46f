/**
 * The APIs whose messages are described in messages/, by key. That an API stands here says that its wire is known, not that a
 * broker serves it: ApiVersions is computed from the handlers.
 */
import { produce } from "./messages/00-produce.ts";
import { fetch } from "./messages/01-fetch.ts";
import { listOffsets } from "./messages/02-list-offsets.ts";
import { metadata } from "./messages/03-metadata.ts";
import { offsetCommit } from "./messages/08-offset-commit.ts";
import { offsetFetch } from "./messages/09-offset-fetch.ts";
import { findCoordinator } from "./messages/10-find-coordinator.ts";
import { joinGroup } from "./messages/11-join-group.ts";
import { heartbeat } from "./messages/12-heartbeat.ts";
import { leaveGroup } from "./messages/13-leave-group.ts";
import { syncGroup } from "./messages/14-sync-group.ts";
import { saslHandshake } from "./messages/17-sasl-handshake.ts";
import { apiVersions } from "./messages/18-api-versions.ts";
import { createTopics } from "./messages/19-create-topics.ts";
import { deleteTopics } from "./messages/20-delete-topics.ts";
import { initProducerId } from "./messages/22-init-producer-id.ts";
import { offsetForLeaderEpoch } from "./messages/23-offset-for-leader-epoch.ts";
import { describeCluster } from "./messages/60-describe-cluster.ts";
import { describeTopicPartitions } from "./messages/75-describe-topic-partitions.ts";
import type { ApiSchema } from "./schema.ts";

export const apis: readonly ApiSchema[] = [
  produce,
  fetch,
  listOffsets,
  metadata,
  offsetCommit,
  offsetFetch,
  findCoordinator,
  joinGroup,
  heartbeat,
  leaveGroup,
  syncGroup,
  saslHandshake,
  apiVersions,
  createTopics,
  deleteTopics,
  initProducerId,
  offsetForLeaderEpoch,
  describeCluster,
  describeTopicPartitions,
];

const byKey = new Map(apis.map((api) => [api.key, api]));

export function apiByKey(key: number): ApiSchema | undefined {
  return byKey.get(key);
}
