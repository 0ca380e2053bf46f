/**
 * Whether topics and partitions may be created as asked for, in Kafka's order of checks and Kafka's words. Any replication factor
 * is taken: durability is the store's, a partition has one replica on paper.
 */
import { errorCodes } from "../../protocol/errors.ts";
import type { NewPartitions, NewTopic } from "./controller-client.ts";

export interface Refusal {
  readonly errorCode: number;
  readonly errorMessage: string;
}

/** Kafka takes no more new partitions than this in one request, all its topics together. */
export const partitionsPerRequestMax = 10_000;

export function refuse(errorCode: number, errorMessage: string): Refusal {
  return { errorCode, errorMessage };
}

/** How many partitions the topic is to have, or why not. */
export function partitionCount(topic: NewTopic, defaultCount: number, nodeIds: readonly number[]): number | Refusal {
  if (topic.assignments.length > 0) return assignedCount(topic, nodeIds);
  if (topic.replicationFactor < -1 || topic.replicationFactor === 0) {
    return refuse(
      errorCodes.INVALID_REPLICATION_FACTOR,
      "Replication factor must be larger than 0, or -1 to use the default value.",
    );
  }
  if (topic.partitions < -1 || topic.partitions === 0) {
    return refuse(errorCodes.INVALID_PARTITIONS, "Number of partitions was set to an invalid non-positive value.");
  }
  return withinLimit(topic.partitions === -1 ? defaultCount : topic.partitions);
}

/** Why none of a request's topics is created: together they would be too much for one decision. */
export function tooManyPartitions(topics: readonly NewTopic[], defaultCount: number): Refusal | undefined {
  const counts = topics.map(({ assignments, partitions }) =>
    assignments.length > 0 ? assignments.length : partitions === -1 ? defaultCount : Math.max(0, partitions),
  );
  const refusal = withinLimit(counts.reduce((sum, count) => sum + count, 0));
  return isRefusal(refusal) ? refusal : undefined;
}

function assignedCount(topic: NewTopic, nodeIds: readonly number[]): number | Refusal {
  const specified = "A manual partition assignment was specified, but";
  if (topic.replicationFactor !== -1)
    return refuse(errorCodes.INVALID_REQUEST, `${specified} replication factor was not set to -1.`);
  if (topic.partitions !== -1) return refuse(errorCodes.INVALID_REQUEST, `${specified} numPartitions was not set to -1.`);
  const seen = new Set<number>();
  for (const { partition, brokerIds } of topic.assignments) {
    if (seen.has(partition)) {
      return refuse(
        errorCodes.INVALID_REPLICA_ASSIGNMENT,
        `Found multiple manual partition assignments for partition ${partition}`,
      );
    }
    seen.add(partition);
    const refusal = invalidReplicas(brokerIds, nodeIds);
    if (refusal !== undefined) return refusal;
  }
  for (let partition = 0; partition < seen.size; partition++) {
    if (!seen.has(partition)) {
      return refuse(errorCodes.INVALID_REPLICA_ASSIGNMENT, "partitions should be a consecutive 0-based integer sequence");
    }
  }
  return withinLimit(seen.size);
}

function withinLimit(count: number): number | Refusal {
  if (count <= partitionsPerRequestMax) return count;
  return refuse(errorCodes.POLICY_VIOLATION, "Excessively large number of partitions per request.");
}

function invalidReplicas(brokerIds: readonly number[], nodeIds: readonly number[]): Refusal | undefined {
  const includes = "The manual partition assignment includes";
  if (brokerIds.length === 0) return refuse(errorCodes.INVALID_REPLICA_ASSIGNMENT, `${includes} an empty replica list.`);
  const sorted = brokerIds.toSorted((a, b) => a - b);
  for (const [index, brokerId] of sorted.entries()) {
    if (!nodeIds.includes(brokerId)) {
      return refuse(errorCodes.INVALID_REPLICA_ASSIGNMENT, `${includes} broker ${brokerId}, but no such broker is registered.`);
    }
    if (index > 0 && sorted[index - 1] === brokerId) {
      return refuse(errorCodes.INVALID_REPLICA_ASSIGNMENT, `${includes} the broker ${brokerId} more than once.`);
    }
  }
  return undefined;
}

/** How many partitions are to be added to a topic that has `current`, or why not. */
export function additionalPartitions(request: NewPartitions, current: number, nodeIds: readonly number[]): number | Refusal {
  if (request.count === current) return refuse(errorCodes.INVALID_PARTITIONS, `Topic already has ${current} partition(s).`);
  if (request.count < current) {
    return refuse(
      errorCodes.INVALID_PARTITIONS,
      `The topic ${request.name} currently has ${current} partition(s); ${request.count} would not be an increase.`,
    );
  }
  const additional = request.count - current;
  if (request.assignments !== null) {
    if (request.assignments.length !== additional) {
      return refuse(
        errorCodes.INVALID_REPLICA_ASSIGNMENT,
        `Attempted to add ${additional} additional partition(s), but only ${request.assignments.length} assignment(s) were specified.`,
      );
    }
    const refusal = invalidAssignments(request.assignments, nodeIds);
    if (refusal !== undefined) return refusal;
  }
  return withinLimit(additional);
}

function invalidAssignments(assignments: readonly (readonly number[])[], nodeIds: readonly number[]): Refusal | undefined {
  for (const brokerIds of assignments) {
    const refusal = invalidReplicas(brokerIds, nodeIds);
    if (refusal !== undefined) return refusal;
    if (brokerIds.length !== 1) {
      return refuse(
        errorCodes.INVALID_REPLICA_ASSIGNMENT,
        `The manual partition assignment includes a partition with ${brokerIds.length} replica(s), but this is not consistent with previous partitions, which have 1 replica(s).`,
      );
    }
  }
  return undefined;
}

export function isRefusal(value: number | Refusal): value is Refusal {
  return typeof value !== "number";
}
