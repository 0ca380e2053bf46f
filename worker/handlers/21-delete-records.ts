/**
 * DeleteRecords, versions 0–2. Moves the start of a log forward; -1 stands for the high watermark. Bytes go with the storage's lifecycle.
 * KIP-107. As in Kafka, a topic that is only compacted keeps its records.
 */
import { listItems } from "../../core/cluster/config-values.ts";
import { topicConfigs } from "../../core/cluster/topic-configs.ts";
import type { TopicEntry } from "../../core/cluster/catalog.ts";
import type { PartitionRef } from "../../core/coordinator.ts";
import type { BrokerServices, RequestContext } from "../../durable-objects/handler.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { deleteRecords } from "../../protocol/messages/21-delete-records.ts";
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts";
import { ByCell } from "./by-cell.ts";
import { defineHandler } from "./define-handler.ts";
import { findTopicWith, heedLeader } from "./topics.ts";
import { leaderUnreachable } from "./unreachable.ts";

type Topic = RequestOf<typeof deleteRecords>["topics"][number];
type Answered = NonNullable<NonNullable<ResponseInput<typeof deleteRecords>["topics"]>[number]["partitions"]>[number];
type Question = PartitionRef & { readonly beforeOffset: number };

interface Asked {
  readonly partitionIndex: number;
  readonly ticket: symbol;
}

const toHighWatermark = -1n;

export const deleteRecordsHandler = defineHandler({
  api: deleteRecords,
  versions: [0, 2],
  async handle({ topics: requested }, context) {
    const { services } = context;
    const questions = new ByCell<Question>();
    const topics = await Promise.all(requested.map((topic) => ask(topic, questions, context)));
    const answers = await questions.ask((cell, asked) => services.coordinator(cell).deleteRecords(asked), unanswered);
    const settle = (partition: Answered | Asked): Answered => {
      if (!("ticket" in partition)) return partition;
      const { errorCode, logStartOffset } = answers.get(partition.ticket)!;
      heedLeader(services.catalog, errorCode);
      const lowWatermark = errorCode === errorCodes.NONE ? BigInt(logStartOffset) : -1n;
      return { partitionIndex: partition.partitionIndex, errorCode, lowWatermark };
    };
    return { topics: topics.map(({ name, partitions }) => ({ name, partitions: partitions.map(settle) })) };
  },
  unreachable: ({ topics }) => ({
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: leaderUnreachable, lowWatermark: -1n })),
    })),
  }),
});

/** Records may have been deleted all the same: it does no harm to ask again. */
function unanswered() {
  return { errorCode: leaderUnreachable, logStartOffset: -1 };
}

async function ask({ name, partitions }: Topic, questions: ByCell<Question>, { services }: RequestContext) {
  const topic = await findTopicWith(
    services.catalog,
    name,
    partitions.map(({ partitionIndex }) => partitionIndex),
  );
  return {
    name,
    partitions: partitions.map(({ partitionIndex, offset }): Answered | Asked => {
      const known = topic?.partitions[partitionIndex];
      const refuse = (errorCode: number): Answered => ({ partitionIndex, errorCode, lowWatermark: -1n });
      if (topic === undefined || known === undefined) return refuse(errorCodes.UNKNOWN_TOPIC_OR_PARTITION);
      if (!mayDelete(topic, services)) return refuse(errorCodes.POLICY_VIOLATION);
      if (offset < toHighWatermark || offset > BigInt(Number.MAX_SAFE_INTEGER)) return refuse(errorCodes.OFFSET_OUT_OF_RANGE);
      const question = { topicId: topic.id, partition: partitionIndex, beforeOffset: Number(offset) };
      return { partitionIndex, ticket: questions.add(known.cell, question) };
    }),
  };
}

function mayDelete({ configs }: TopicEntry, { catalog }: BrokerServices): boolean {
  const name = "cleanup.policy";
  const policy = configs[name] ?? catalog.topicDefaults[name] ?? topicConfigs.get(name)?.default ?? "";
  return listItems(policy).includes("delete");
}
