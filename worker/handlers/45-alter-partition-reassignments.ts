/**
 * AlterPartitionReassignments, versions 0–1. Replicas cannot be chosen: brokers hold no data, and which of them a client is sent to is a
 * fixed hash. So a move to where the partition is succeeds, every other is refused, and there is never one to call off. KIP-455.
 */
import type { RequestContext } from "../../durable-objects/handler.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { alterPartitionReassignments } from "../../protocol/messages/45-alter-partition-reassignments.ts";
import { defineHandler } from "./define-handler.ts";
import { leaderOf } from "./nodes.ts";
import { controllerUnreachable } from "./unreachable.ts";

export const alterPartitionReassignmentsHandler = defineHandler({
  api: alterPartitionReassignments,
  versions: [0, 1],
  async handle({ topics, allowReplicationFactorChange }, context) {
    await context.services.catalog.all();
    return {
      allowReplicationFactorChange,
      errorMessage: null,
      responses: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex, replicas }) => ({
          partitionIndex,
          ...reassigned(name, partitionIndex, replicas, context),
        })),
      })),
    };
  },
  unreachable: () => ({ ...controllerUnreachable, responses: [] }),
});

function reassigned(name: string, partition: number, replicas: readonly number[] | null, context: RequestContext) {
  const topic = context.services.catalog.lastByName(name);
  if (topic?.partitions[partition] === undefined) {
    const errorMessage =
      topic === undefined ? `Unable to find a topic named ${name}.` : `Unable to find partition ${name}:${partition}.`;
    return { errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION, errorMessage };
  }
  if (replicas === null) {
    return { errorCode: errorCodes.NO_REASSIGNMENT_IN_PROGRESS, errorMessage: "No partition reassignment is in progress." };
  }
  const leader = leaderOf(context, topic.id, partition);
  if (replicas.length === 1 && replicas[0] === leader) return { errorCode: errorCodes.NONE, errorMessage: null };
  const errorMessage = `Partitions have one replica, whose broker is not chosen: that of ${name}-${partition} is ${leader}.`;
  return { errorCode: errorCodes.INVALID_REPLICA_ASSIGNMENT, errorMessage };
}
