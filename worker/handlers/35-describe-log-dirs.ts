/**
 * DescribeLogDirs, versions 1–4. There are no directories: everything rests in the object store, shown as one. Every broker could answer
 * for every partition; each lists those that clients of its zone are sent to it for, so that tools that add up brokers count once.
 * KIP-113, KIP-827 (sizes of the volume: unknown).
 */
import type { TopicEntry } from "../../core/cluster/catalog.ts";
import type { PartitionDescription, PartitionRef } from "../../core/coordinator.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { describeLogDirs } from "../../protocol/messages/35-describe-log-dirs.ts";
import type { RequestOf } from "../../protocol/schema.ts";
import { ByCell } from "./by-cell.ts";
import { defineHandler } from "./define-handler.ts";
import { logDir } from "./log-dir.ts";
import { leaderOf } from "./nodes.ts";

type Request = RequestOf<typeof describeLogDirs>;

export const describeLogDirsHandler = defineHandler({
  api: describeLogDirs,
  versions: [1, 4],
  async handle({ topics: asked }, context) {
    const all = await context.services.catalog.all();
    const questions = new ByCell<PartitionRef>();
    const found = all.flatMap((topic) => {
      const partitions = wanted(topic, asked).filter(
        (partition) => leaderOf(context, topic.id, partition) === context.services.nodeId,
      );
      if (partitions.length === 0) return [];
      return [{ name: topic.name, partitions: partitions.map((partition) => ask(topic, partition, questions)) }];
    });
    const answers = await questions.ask((cell, refs) => context.services.coordinator(cell).describePartitions(refs));
    const topics = found.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, ticket }) => ({ partitionIndex, partitionSize: sizeOf(answers.get(ticket)) })),
    }));
    return { results: [{ logDir, topics }] };
  },
  // Kafka's word for a directory that cannot be looked into.
  unreachable: () => ({ results: [{ logDir, errorCode: errorCodes.KAFKA_STORAGE_ERROR, topics: [] }] }),
});

function wanted(topic: TopicEntry, asked: Request["topics"]): readonly number[] {
  const indexes = [...topic.partitions.keys()];
  if (asked === null) return indexes;
  const named = new Set(asked.filter((each) => each.topic === topic.name).flatMap(({ partitions }) => partitions));
  return indexes.filter((index) => named.has(index));
}

function ask(topic: TopicEntry, partitionIndex: number, questions: ByCell<PartitionRef>) {
  const { cell } = topic.partitions[partitionIndex]!;
  return { partitionIndex, ticket: questions.add(cell, { topicId: topic.id, partition: partitionIndex }) };
}

function sizeOf(description: PartitionDescription | undefined): bigint {
  return BigInt(description?.byteLength ?? 0);
}
