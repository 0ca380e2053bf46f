/**
 * Every Kafka API that is served, by key. A handler that stands here is advertised by ApiVersions; one that doesn't is not.
 */
import type { Handler } from "../durable-objects/handler.ts";
import { produceHandler } from "./handlers/00-produce.ts";
import { fetchHandler } from "./handlers/01-fetch.ts";
import { listOffsetsHandler } from "./handlers/02-list-offsets.ts";
import { metadataHandler } from "./handlers/03-metadata.ts";
import { findCoordinatorHandler } from "./handlers/10-find-coordinator.ts";
import { saslHandshakeHandler } from "./handlers/17-sasl-handshake.ts";
import { apiVersionsHandler } from "./handlers/18-api-versions.ts";
import { createTopicsHandler } from "./handlers/19-create-topics.ts";
import { deleteTopicsHandler } from "./handlers/20-delete-topics.ts";
import { initProducerIdHandler } from "./handlers/22-init-producer-id.ts";
import { offsetForLeaderEpochHandler } from "./handlers/23-offset-for-leader-epoch.ts";
import { describeClusterHandler } from "./handlers/60-describe-cluster.ts";
import { describeTopicPartitionsHandler } from "./handlers/75-describe-topic-partitions.ts";

const served: readonly Handler[] = [
  produceHandler,
  fetchHandler,
  listOffsetsHandler,
  metadataHandler,
  findCoordinatorHandler,
  saslHandshakeHandler,
  createTopicsHandler,
  deleteTopicsHandler,
  initProducerIdHandler,
  offsetForLeaderEpochHandler,
  describeClusterHandler,
  describeTopicPartitionsHandler,
  apiVersionsHandler(() => served, []),
];

export const handlers: ReadonlyMap<number, Handler> = new Map(
  served.toSorted((a, b) => a.api.key - b.api.key).map((handler) => [handler.api.key, handler]),
);
