/**
 * CreateTopics, versions 2–7. The answer comes when the topics can be written to. Divergences: any replication factor is accepted and
 * comes to one replica, durability being the store's. KIP-525 (configs in the answer), KIP-516 (ids).
 */
import type { TopicEntry } from "../../core/cluster/catalog.ts";
import type { NewTopic, TopicOutcome } from "../../core/cluster/controller-client.ts";
import { zeroId } from "../../core/cluster/ids.ts";
import { topicConfigs } from "../../core/cluster/topic-configs.ts";
import type { Settings } from "../../core/settings.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { createTopics } from "../../protocol/messages/19-create-topics.ts";
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts";
import { configSource, describeConfigs, topicDefaults } from "./config-entries.ts";
import type { ConfigDefaults } from "./config-entries.ts";
import { defineHandler } from "./define-handler.ts";
import { MutationQuota, quotaExceeded } from "./mutation-quota.ts";
import { repeated } from "./repeated.ts";
import { controllerUnreachable } from "./unreachable.ts";

type Topic = RequestOf<typeof createTopics>["topics"][number];
type Answered = NonNullable<ResponseInput<typeof createTopics>["topics"]>[number];

export const createTopicsHandler = defineHandler({
  api: createTopics,
  versions: [2, 7],
  async handle(request, context) {
    const { services } = context;
    const names = request.topics.map(({ name }) => name);
    const duplicates = repeated(names);
    const quota = new MutationQuota(context, 6);
    const single = request.topics.filter(({ name }) => !duplicates.has(name));
    const refused = new Set<string>();
    if (!request.validateOnly) {
      for (const topic of single) if (!quota.allows(partitionCount(topic, services.settings))) refused.add(topic.name);
    }
    const asked = single.filter(({ name }) => !refused.has(name));
    const outcomes = asked.length === 0 ? [] : await services.controller.createTopics(asked.map(newTopic), request.validateOnly);
    if (!request.validateOnly) services.catalog.invalidate();
    const defaults = topicDefaults(services);
    return {
      throttleTimeMs: quota.throttleTimeMs,
      topics: [
        ...asked.map(({ name }, index) => answer(name, outcomes[index]!, defaults)),
        ...Array.from(refused, (name) => refusal(name, quotaExceeded.errorCode, quotaExceeded.errorMessage)),
        ...Array.from(duplicates, (name) => refusal(name, errorCodes.INVALID_REQUEST, "Duplicate topic name.")),
      ],
    };
  },
  unreachable: ({ topics }) => ({
    topics: topics.map(({ name }) => refusal(name, controllerUnreachable.errorCode, controllerUnreachable.errorMessage)),
  }),
});

function partitionCount({ assignments, numPartitions }: Topic, settings: Settings): number {
  if (assignments.length > 0) return assignments.length;
  return numPartitions === -1 ? settings["num.partitions"] : numPartitions;
}

function newTopic(topic: Topic): NewTopic {
  return {
    name: topic.name,
    partitions: topic.numPartitions,
    replicationFactor: topic.replicationFactor,
    assignments: topic.assignments.map(({ partitionIndex, brokerIds }) => ({ partition: partitionIndex, brokerIds })),
    configs: Object.fromEntries(topic.configs.map(({ name, value }) => [name, value])),
  };
}

function answer(name: string, outcome: TopicOutcome, defaults: ConfigDefaults): Answered {
  if (!("topic" in outcome)) return refusal(name, outcome.errorCode, outcome.errorMessage);
  return { ...created(outcome.topic, defaults), name };
}

function refusal(name: string, errorCode: number, errorMessage: string): Answered {
  return { name, topicId: zeroId, errorCode, errorMessage, configs: [] };
}

function created(topic: TopicEntry, defaults: ConfigDefaults): Answered {
  const entries = describeConfigs(topicConfigs, topic.configs, configSource.topic, defaults);
  return {
    topicId: topic.id,
    errorMessage: null,
    numPartitions: topic.partitions.length,
    replicationFactor: 1,
    configs: entries.map(({ name, value, source }) => ({ name, value, configSource: source })),
  };
}
