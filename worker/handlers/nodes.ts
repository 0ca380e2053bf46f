/**
 * The brokers a client is told of and what stands for the leader of a partition: a fixed choice among the brokers of the client's
 * zone. Addresses are those of the front end the client came in through (D2).
 */
import type { TopicId } from "../../core/coordinator.ts";
import { partitionNode, zoneNames, zoneNodes } from "../../core/cluster/placement.ts";
import type { Node } from "../../core/cluster/placement.ts";
import type { RequestContext } from "../../durable-objects/handler.ts";

export interface Endpoint {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
  readonly rack: string | null;
}

type NodesContext = Pick<RequestContext, "zone" | "connection" | "services">;

export function nodesOf({ zone, connection, services: { settings } }: NodesContext): readonly Node[] {
  return zoneNodes(settings, zoneNames(settings).includes(zone) ? zone : connection.zone);
}

export function endpointsOf(context: NodesContext): readonly Endpoint[] {
  return nodesOf(context).map((node) => endpointOf(node, context));
}

export function endpointOf(node: Node, { connection, services: { settings } }: NodesContext): Endpoint {
  const rack = zoneNames(settings).length > 1 ? node.zone : null;
  return { nodeId: node.nodeId, host: connection.advertisedHost, port: connection.advertisedBasePort + node.index, rack };
}

/** The controller may be any broker: all of them ask the same one. It must be among those the client was told of. */
export function controllerId(context: NodesContext): number {
  return nodesOf(context)[0]!.nodeId;
}

export function leaderOf(context: NodesContext, topicId: TopicId, partition: number): number {
  return partitionNode(nodesOf(context), topicId, partition).nodeId;
}

/** What Kafka answers when nobody guards: every operation there is. */
export const topicOperations = 0b1101_1111_1000;
export const clusterOperations = 0b1_1111_1010_0000;
