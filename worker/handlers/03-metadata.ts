/**
 * Metadata, versions 0–13. The brokers are those of the client's zone (KIP-392's racks as zones), leaders a fixed hash among them.
 * Divergences: a partition has one replica; a topic that is created in passing is ready when the answer says so, where Kafka
 * first says LEADER_NOT_AVAILABLE. KIP-516 (ids), KIP-430 (authorized operations).
 */
import type { TopicEntry } from "../../core/cluster/catalog.ts";
import { zeroId } from "../../core/cluster/ids.ts";
import { partitionsPerRequestMax } from "../../core/cluster/new-topics.ts";
import { operatingErrorKind } from "../../core/operating-error.ts";
import { invalidTopicName } from "../../core/cluster/topic-names.ts";
import type { RequestContext } from "../../durable-objects/handler.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { metadata } from "../../protocol/messages/03-metadata.ts";
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts";
import { defineHandler } from "./define-handler.ts";
import { clusterOperations, controllerId, endpointsOf, leaderOf, topicOperations } from "./nodes.ts";

type Request = RequestOf<typeof metadata>;
type Asked = NonNullable<Request["topics"]>[number];
type Answered = NonNullable<ResponseInput<typeof metadata>["topics"]>[number];

export const metadataHandler = defineHandler({
  api: metadata,
  versions: [0, 13],
  async handle(request, context) {
    const { catalog } = context.services;
    const topics = asksForAll(request, context.apiVersion)
      ? (await catalog.all()).map((topic) => answer(topic, request, context))
      : await answerAsked(request, context);
    return {
      brokers: endpointsOf(context),
      clusterId: catalog.clusterId === "" ? null : catalog.clusterId,
      controllerId: controllerId(context),
      topics,
      clusterAuthorizedOperations: request.includeClusterAuthorizedOperations ? clusterOperations : undefined,
    };
  },
});

function unlessUnreachable(error: unknown): undefined {
  if (operatingErrorKind(error) !== "retry") throw error;
}

function asksForAll({ topics }: Request, apiVersion: number): boolean {
  return topics === null || (apiVersion === 0 && topics.length === 0);
}

async function answerAsked(request: Request, context: RequestContext): Promise<Answered[]> {
  const { catalog } = context.services;
  // Without the controller they hear what was known last, as from a Kafka broker that has lost its own.
  const isFresh = (await catalog.all().catch(unlessUnreachable)) !== undefined;
  const asked = new Map((request.topics ?? []).map(byId).map((topic) => [topic.name ?? topic.topicId, topic]));
  const missing: string[] = [];
  for (const { name } of asked.values()) {
    if (name !== null && catalog.lastByName(name) === undefined) missing.push(name);
  }
  const codes = missing.length > 0 && isFresh ? await createMissing(missing, request, context) : new Map<string, number>();
  return [...asked.values()].map((topic) => {
    const known = topic.name === null ? catalog.lastById(topic.topicId) : catalog.lastByName(topic.name);
    if (known !== undefined) return answer(known, request, context);
    return isFresh ? unknown(topic, codes, context) : unsure(topic, context);
  });
}

/** An id decides: Java's consumers send an empty name beside it. */
function byId(topic: Asked): Asked {
  return topic.topicId === zeroId ? topic : { ...topic, name: null };
}

/** What to say of each name that is still unknown afterwards. */
async function createMissing(
  names: readonly string[],
  request: Request,
  { services }: RequestContext,
): Promise<ReadonlyMap<string, number>> {
  const codes = new Map<string, number>();
  for (const name of names) {
    const isInvalid = invalidTopicName(name) !== undefined;
    codes.set(name, isInvalid ? errorCodes.INVALID_TOPIC_EXCEPTION : errorCodes.UNKNOWN_TOPIC_OR_PARTITION);
  }
  if (!request.allowAutoTopicCreation || !services.settings["auto.create.topics.enable"]) return codes;
  const valid = names.filter((name) => codes.get(name) !== errorCodes.INVALID_TOPIC_EXCEPTION);
  if (valid.length === 0) return codes;
  // So many as one decision takes; the client asks again for what is not there yet.
  const now = valid.slice(0, Math.max(1, Math.floor(partitionsPerRequestMax / services.settings["num.partitions"])));
  const topics = now.map((name) => ({ name, partitions: -1, replicationFactor: -1, assignments: [], configs: {} }));
  // Whether a call that broke off created them is seen below; if not, the client's next question will.
  const outcomes = await services.controller.createTopics(topics, false).catch(() => []);
  for (const [index, name] of valid.entries()) {
    // Created, or by somebody else in this moment: the client may ask again.
    const code = outcomes[index]?.errorCode;
    codes.set(name, code === errorCodes.INVALID_TOPIC_EXCEPTION ? code : errorCodes.LEADER_NOT_AVAILABLE);
  }
  await services.catalog.all();
  return codes;
}

/** Whether there is such a topic only the controller could say: the client asks again. */
function unsure({ name, topicId }: Asked, { apiVersion }: RequestContext): Answered {
  return { errorCode: errorCodes.LEADER_NOT_AVAILABLE, name: name ?? (apiVersion >= 12 ? null : ""), topicId };
}

function unknown({ name, topicId }: Asked, codes: ReadonlyMap<string, number>, { apiVersion }: RequestContext): Answered {
  if (name !== null) return { errorCode: codes.get(name) ?? errorCodes.UNKNOWN_TOPIC_OR_PARTITION, name, topicId: zeroId };
  return { errorCode: errorCodes.UNKNOWN_TOPIC_ID, name: apiVersion >= 12 ? null : "", topicId };
}

function answer(topic: TopicEntry, request: Request, context: RequestContext): Answered {
  return {
    name: topic.name,
    topicId: topic.id,
    isInternal: topic.internal,
    partitions: topic.partitions.map(({ leaderEpoch }, partitionIndex) => {
      const leaderId = leaderOf(context, topic.id, partitionIndex);
      return { partitionIndex, leaderId, leaderEpoch, replicaNodes: [leaderId], isrNodes: [leaderId] };
    }),
    topicAuthorizedOperations: request.includeTopicAuthorizedOperations ? topicOperations : undefined,
  };
}
