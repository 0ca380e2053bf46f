/**
 * DescribeProducers, version 0. Which producers a partition's leader remembers, and how far it has heard them, and where the
 * open transaction of each begins. KIP-664.
 */
import type { PartitionDescription, PartitionRef } from "../../core/coordinator.ts";
import { invalidTopicName } from "../../core/cluster/topic-names.ts";
import type { RequestContext } from "../../durable-objects/handler.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { describeProducers } from "../../protocol/messages/61-describe-producers.ts";
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts";
import { ByCell } from "./by-cell.ts";
import { defineHandler } from "./define-handler.ts";
import { findTopicWith, heedLeader } from "./topics.ts";
import { leaderUnreachable } from "./unreachable.ts";

type Topic = RequestOf<typeof describeProducers>["topics"][number];
type Answered = NonNullable<NonNullable<ResponseInput<typeof describeProducers>["topics"]>[number]["partitions"]>[number];

interface Asked {
  readonly partitionIndex: number;
  readonly ticket: symbol;
}

export const describeProducersHandler = defineHandler({
  api: describeProducers,
  versions: [0, 0],
  async handle({ topics: asked }, context) {
    const { services } = context;
    const questions = new ByCell<PartitionRef>();
    const topics = await Promise.all(asked.map((topic) => ask(topic, questions, context)));
    const answers = await questions.ask((cell, refs) => services.coordinator(cell).describePartitions(refs), unanswered);
    return {
      topics: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map((partition): Answered => {
          if (!("ticket" in partition)) return partition;
          const description = answers.get(partition.ticket)!;
          heedLeader(services.catalog, description.errorCode);
          return { partitionIndex: partition.partitionIndex, ...described(description) };
        }),
      })),
    };
  },
  unreachable: ({ topics }) => ({
    topics: topics.map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((partitionIndex) => ({ partitionIndex, errorCode: leaderUnreachable, activeProducers: [] })),
    })),
  }),
});

function unanswered(ref: PartitionRef): PartitionDescription {
  return { ...ref, errorCode: leaderUnreachable, byteLength: 0, producers: [] };
}

async function ask({ name, partitionIndexes }: Topic, questions: ByCell<PartitionRef>, { services }: RequestContext) {
  const invalid = invalidTopicName(name);
  const topic = invalid === undefined ? await findTopicWith(services.catalog, name, partitionIndexes) : undefined;
  return {
    name,
    partitions: partitionIndexes.map((partitionIndex): Answered | Asked => {
      const known = topic?.partitions[partitionIndex];
      if (invalid !== undefined) {
        return { partitionIndex, errorCode: errorCodes.INVALID_TOPIC_EXCEPTION, errorMessage: invalid };
      }
      if (topic === undefined || known === undefined) {
        const errorMessage = "This server does not host this topic-partition.";
        return { partitionIndex, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION, errorMessage };
      }
      return { partitionIndex, ticket: questions.add(known.cell, { topicId: topic.id, partition: partitionIndex }) };
    }),
  };
}

function described({ errorCode, producers }: PartitionDescription) {
  return {
    errorCode,
    activeProducers: producers.map(({ producerId, lastTimestamp, transactionStartOffset, ...producer }) => ({
      ...producer,
      producerId: BigInt(producerId),
      lastTimestamp: BigInt(lastTimestamp),
      currentTxnStartOffset: BigInt(transactionStartOffset),
    })),
  };
}
