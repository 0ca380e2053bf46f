/** What the handlers of the group APIs share: who asks, and the topics of a request resolved to names and ids. */
import type { TopicEntry } from "../../core/cluster/catalog.ts";
import type { ClientFacts } from "../../core/group/requests.ts";
import type { RequestContext } from "../../durable-objects/handler.ts";
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

/** Those that exist, as a group wants them named. */
export function known<Topic>(
  resolved: readonly Resolved<Topic>[],
): readonly { readonly topic: Topic; readonly entry: TopicEntry }[] {
  return resolved.flatMap(({ topic, entry }) => (entry === undefined ? [] : [{ topic, entry }]));
}
