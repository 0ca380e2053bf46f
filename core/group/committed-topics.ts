/** How the offsets of one commit request lie in a row, be they committed or part of a transaction that is still open. */
import type { ByteReader, ByteWriter } from "./bytes.ts";
import type { OffsetCommitRequest } from "./requests.ts";

export type CommittedTopics = OffsetCommitRequest["topics"];

export function writeCommittedTopics(topics: CommittedTopics, writer: ByteWriter): ByteWriter {
  return writer.list(topics, topics.length, ({ topicId, name, partitions }) =>
    writer
      .string(topicId)
      .string(name)
      .list(partitions, partitions.length, ({ partition, offset, leaderEpoch, metadata }) =>
        writer
          .int(partition)
          .int(offset)
          .int(leaderEpoch)
          .string(metadata ?? ""),
      ),
  );
}

export function readCommittedTopics(reader: ByteReader): CommittedTopics {
  return reader.list(() => ({
    topicId: reader.string(),
    name: reader.string(),
    partitions: reader.list(() => ({
      partition: reader.int(),
      offset: reader.int(),
      leaderEpoch: reader.int(),
      metadata: reader.string(),
    })),
  }));
}
