/**
 * DescribeTopicPartitions, version 0. Metadata in pages: topics by name, a limit on partitions, a cursor to go on from. KIP-966; eligible
 * leader replicas do not exist here and are left out.
 */
import type { TopicEntry } from "../../core/cluster/catalog.ts";
import { zeroId } from "../../core/cluster/ids.ts";
import { invalidTopicName } from "../../core/cluster/topic-names.ts";
import type { RequestContext } from "../../durable-objects/handler.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { describeTopicPartitions } from "../../protocol/messages/75-describe-topic-partitions.ts";
import type { ResponseInput } from "../../protocol/schema.ts";
import { defineHandler } from "./define-handler.ts";
import { leaderOf, topicOperations } from "./nodes.ts";

type Answered = NonNullable<ResponseInput<typeof describeTopicPartitions>["topics"]>[number];

/** Kafka's max.request.partition.size.limit. */
const partitionsMax = 2000;

export const describeTopicPartitionsHandler = defineHandler({
  api: describeTopicPartitions,
  versions: [0, 0],
  async handle({ topics: asked, cursor, responsePartitionLimit }, context) {
    const all = await context.services.catalog.all();
    const known = new Map(all.map((topic) => [topic.name, topic]));
    const wanted = asked.length > 0 ? asked.map(({ name }) => name) : [...known.keys()];
    if (asked.length > 0 && cursor !== null && !isCursorAmong(wanted, cursor))
      return { topics: wanted.map(contradicted), nextCursor: null };
    const names = [...new Set(wanted)].filter((name) => cursor === null || name >= cursor.topicName).sort();
    let left = Math.max(1, Math.min(responsePartitionLimit, partitionsMax));
    const topics: Answered[] = [];
    for (const name of names) {
      const topic = known.get(name);
      const first = cursor?.topicName === name ? Math.max(0, cursor.partitionIndex) : 0;
      // A topic that was made anew may have fewer partitions than the cursor remembers.
      const from = Math.min(first, topic?.partitions.length ?? first);
      if (left <= 0) return { topics, nextCursor: { topicName: name, partitionIndex: from } };
      if (topic === undefined) {
        topics.push(unknown(name));
        continue;
      }
      const to = Math.min(topic.partitions.length, from + left);
      topics.push(answer(topic, from, to, context));
      left -= to - from;
      if (to < topic.partitions.length) return { topics, nextCursor: { topicName: name, partitionIndex: to } };
    }
    return { topics, nextCursor: null };
  },
  unreachable: ({ topics }) => ({
    topics: topics.map(({ name }) => ({ errorCode: errorCodes.LEADER_NOT_AVAILABLE, name, topicId: zeroId })),
    nextCursor: null,
  }),
});

/** Whoever names topics names that of the cursor too; it may have been deleted since. */
function isCursorAmong(
  names: readonly string[],
  { topicName, partitionIndex }: { topicName: string; partitionIndex: number },
): boolean {
  return names.includes(topicName) && partitionIndex >= 0;
}

function contradicted(name: string): Answered {
  return { errorCode: errorCodes.INVALID_REQUEST, name, topicId: zeroId };
}

function unknown(name: string): Answered {
  const isInvalid = invalidTopicName(name) !== undefined;
  const errorCode = isInvalid ? errorCodes.INVALID_TOPIC_EXCEPTION : errorCodes.UNKNOWN_TOPIC_OR_PARTITION;
  return { errorCode, name, topicId: zeroId, topicAuthorizedOperations: topicOperations };
}

function answer(topic: TopicEntry, from: number, to: number, context: RequestContext): Answered {
  const partitions = topic.partitions.slice(from, to).map(({ leaderEpoch }, index) => {
    const partitionIndex = from + index;
    const leaderId = leaderOf(context, topic.id, partitionIndex);
    return {
      partitionIndex,
      leaderId,
      leaderEpoch,
      replicaNodes: [leaderId],
      isrNodes: [leaderId],
      eligibleLeaderReplicas: [],
      lastKnownElr: [],
    };
  });
  return {
    name: topic.name,
    topicId: topic.id,
    isInternal: topic.internal,
    partitions,
    topicAuthorizedOperations: topicOperations,
  };
}
