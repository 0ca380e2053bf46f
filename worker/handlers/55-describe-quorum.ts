/**
 * DescribeQuorum, versions 0–2. There is no quorum: the controller is one object whose storage is replicated beneath it. It is shown as
 * a quorum of one voter, the broker that Metadata calls controller, so that Kafka's tool prints something true. KIP-595, KIP-853.
 */
import { zeroId } from "../../core/cluster/ids.ts";
import type { RequestContext } from "../../durable-objects/handler.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { describeQuorum } from "../../protocol/messages/55-describe-quorum.ts";
import type { RequestOf } from "../../protocol/schema.ts";
import { defineHandler } from "./define-handler.ts";
import { controllerId, endpointsOf } from "./nodes.ts";
import { controllerUnreachable } from "./unreachable.ts";

const metadataTopic = "__cluster_metadata";

export const describeQuorumHandler = defineHandler({
  api: describeQuorum,
  versions: [0, 2],
  async handle({ topics }, context) {
    const isAboutMetadata = topics.length === 1 && topics[0]?.topicName === metadataTopic && topics[0].partitions.length === 1;
    if (!isAboutMetadata || topics[0]?.partitions[0]?.partitionIndex !== 0)
      return { errorMessage: null, topics: topics.map(without) };
    await context.services.catalog.all();
    const endpoints = endpointsOf(context);
    return {
      errorMessage: null,
      topics: [{ topicName: metadataTopic, partitions: [quorum(context)] }],
      nodes: endpoints.map(({ nodeId, host, port }) => ({ nodeId, listeners: [{ name: "PLAINTEXT", host, port }] })),
    };
  },
  unreachable: () => controllerUnreachable,
});

/** Only the cluster's metadata has a quorum. */
function without({ topicName, partitions }: RequestOf<typeof describeQuorum>["topics"][number]) {
  return {
    topicName,
    partitions: partitions.map(({ partitionIndex }) => ({
      partitionIndex,
      errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
      errorMessage: null,
    })),
  };
}

function quorum(context: RequestContext) {
  const leaderId = controllerId(context);
  const logEndOffset = BigInt(context.services.catalog.version);
  const seen = BigInt(context.nowMs);
  const stateOf = (replicaId: number) => ({
    replicaId,
    replicaDirectoryId: zeroId,
    logEndOffset,
    lastFetchTimestamp: seen,
    lastCaughtUpTimestamp: seen,
  });
  const observers = endpointsOf(context).filter(({ nodeId }) => nodeId !== leaderId);
  return {
    partitionIndex: 0,
    errorMessage: null,
    leaderId,
    leaderEpoch: 1,
    highWatermark: logEndOffset,
    currentVoters: [stateOf(leaderId)],
    observers: observers.map(({ nodeId }) => stateOf(nodeId)),
  };
}
