/** OffsetDelete, version 0. Not for topics that members of the group subscribe to. KIP-496. */
import { errorCodes } from "../../protocol/errors.ts";
import { offsetDelete } from "../../protocol/messages/47-offset-delete.ts";
import { defineHandler } from "./define-handler.ts";
import { codesOf, existing, known, resolvePartitions } from "./group-requests.ts";
import { unknownTopicCode } from "./topics.ts";
import { coordinatorUnreachable } from "./unreachable.ts";

export const offsetDeleteHandler = defineHandler({
  api: offsetDelete,
  versions: [0, 0],
  async handle({ groupId, topics }, context) {
    if (groupId === "") return { errorCode: errorCodes.INVALID_GROUP_ID };
    const resolved = await resolvePartitions(topics, context, false);
    const answer = await context.services.group(groupId).deleteOffsets({
      topics: known(resolved).map(({ topic, entry }) => ({
        topicId: entry.id,
        name: entry.name,
        partitions: existing(topic.partitions, entry).map(({ partitionIndex }) => partitionIndex),
      })),
    });
    if (answer.errorCode !== errorCodes.NONE) return { errorCode: answer.errorCode };
    let answered = 0;
    return {
      topics: resolved.map(({ topic: { name, partitions }, entry }) => {
        const errors = entry === undefined ? undefined : answer.partitionErrors[answered++];
        return {
          name,
          partitions: codesOf(partitions, entry, errors, unknownTopicCode(false)),
        };
      }),
    };
  },
  unreachable: () => ({ errorCode: coordinatorUnreachable }),
});
