/** What the handlers of the group APIs share: who asks, and the topics of a request resolved to names and ids. */
import type { TopicEntry } from "../../core/cluster/catalog.ts";
import type { ClientFacts } from "../../core/group/requests.ts";
import type { RequestContext } from "../../durable-objects/handler.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { findTopic } from "./topics.ts";

/** READ, DELETE, DESCRIBE, DESCRIBE_CONFIGS and ALTER_CONFIGS, as bits: what anybody may do while nothing is forbidden. */
export const groupOperations = (1 << 3) | (1 << 6) | (1 << 8) | (1 << 10) | (1 << 11);

export function factsOf({ apiVersion, clientId, connection }: RequestContext): ClientFacts {
  return { apiVersion, clientId: clientId ?? "", clientHost: `/${connection.clientAddress}` };
}

export interface Resolved<Topic> {
  readonly topic: Topic;
  /** Undefined: there is no such topic. */
  readonly entry: TopicEntry | undefined;
}

export async function resolveTopics<Topic extends { readonly name: string; readonly topicId?: string }>(
  topics: readonly Topic[],
  { services }: RequestContext,
  byId: boolean,
): Promise<readonly Resolved<Topic>[]> {
  return await Promise.all(
    topics.map(async (topic) => {
      const named = { name: topic.name, topicId: topic.topicId ?? "" };
      return { topic, entry: await findTopic(services.catalog, named, byId) };
    }),
  );
}

/**
 * As `resolveTopics`, for requests whose partitions must exist: where one is not known, the list of topics is looked at anew, because
 * the topic may have grown through another broker.
 */
export async function resolvePartitions<
  Topic extends { readonly name: string; readonly topicId?: string; readonly partitions: readonly Partition[] },
>(topics: readonly Topic[], context: RequestContext, byId: boolean): Promise<readonly Resolved<Topic>[]> {
  const resolved = await resolveTopics(topics, context, byId);
  if (
    resolved.every(
      ({ topic, entry }) => entry === undefined || existing(topic.partitions, entry).length === topic.partitions.length,
    )
  ) {
    return resolved;
  }
  await context.services.catalog.all();
  return await resolveTopics(topics, context, byId);
}

interface Partition {
  readonly partitionIndex: number;
}

export function existing<P extends Partition>(partitions: readonly P[], { partitions: known }: TopicEntry): readonly P[] {
  return partitions.filter(({ partitionIndex }) => known[partitionIndex] !== undefined);
}

/** Lays the group's codes, given for the partitions that exist, beside all that were asked for. */
export function codesOf(
  partitions: readonly Partition[],
  entry: TopicEntry | undefined,
  given: readonly number[] | undefined,
  unknownTopic: number,
): readonly { readonly partitionIndex: number; readonly errorCode: number }[] {
  let next = 0;
  return partitions.map(({ partitionIndex }) => {
    if (entry === undefined) return { partitionIndex, errorCode: unknownTopic };
    const isKnown = entry.partitions[partitionIndex] !== undefined;
    const errorCode = isKnown ? (given?.[next++] ?? errorCodes.UNKNOWN_SERVER_ERROR) : errorCodes.UNKNOWN_TOPIC_OR_PARTITION;
    return { partitionIndex, errorCode };
  });
}

/** Those that exist, as a group wants them named. */
export function known<Topic>(
  resolved: readonly Resolved<Topic>[],
): readonly { readonly topic: Topic; readonly entry: TopicEntry }[] {
  return resolved.flatMap(({ topic, entry }) => (entry === undefined ? [] : [{ topic, entry }]));
}
