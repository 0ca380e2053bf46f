/**
 * OffsetCommit, versions 2–10. The group decides who may commit; topics that do not exist are refused here, so that a group only
 * holds offsets of topics that do. KIP-848 (member epochs), KIP-1186 (topic ids from version 10).
 */
import { offsetCommit } from "../../protocol/messages/08-offset-commit.ts";
import type { RequestOf } from "../../protocol/schema.ts";
import { defineHandler } from "./define-handler.ts";
import { codesOf, existing, factsOf, known, resolvePartitions } from "./group-requests.ts";
import { unknownTopicCode } from "./topics.ts";
import { coordinatorUnreachable } from "./unreachable.ts";

type Partition = RequestOf<typeof offsetCommit>["topics"][number]["partitions"][number];

export const offsetCommitHandler = defineHandler({
  api: offsetCommit,
  versions: [2, 10],
  async handle(request, context) {
    const byId = context.apiVersion >= 10;
    const resolved = await resolvePartitions(request.topics, context, byId);
    const asked = known(resolved);
    const { partitionErrors } =
      asked.length === 0
        ? { partitionErrors: [] }
        : await context.services.group(request.groupId).commitOffsets(
            {
              generationId: request.generationIdOrMemberEpoch,
              memberId: request.memberId,
              groupInstanceId: request.groupInstanceId,
              retentionTimeMs: Number(request.retentionTimeMs),
              topics: asked.map(({ topic, entry }) => ({
                topicId: entry.id,
                name: entry.name,
                partitions: existing(topic.partitions, entry).map(committed),
              })),
            },
            factsOf(context),
          );
    let answered = 0;
    return {
      topics: resolved.map(({ topic: { name, topicId, partitions }, entry }) => {
        const errors = entry === undefined ? undefined : partitionErrors[answered++];
        return {
          name,
          topicId,
          partitions: codesOf(partitions, entry, errors, unknownTopicCode(byId)),
        };
      }),
    };
  },
  unreachable: ({ topics }) => ({
    topics: topics.map(({ name, topicId, partitions }) => ({
      name,
      topicId,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: coordinatorUnreachable })),
    })),
  }),
});

function committed({ partitionIndex, committedOffset, committedLeaderEpoch, committedMetadata }: Partition) {
  return {
    partition: partitionIndex,
    offset: Number(committedOffset),
    leaderEpoch: committedLeaderEpoch,
    metadata: committedMetadata,
  };
}
