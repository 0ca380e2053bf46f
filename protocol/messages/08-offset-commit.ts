/**
 * Stores a group's positions. The generation and the member say whether the one who commits is still of the group; a group
 * without members commits with generation −1.
 */
import { array, defineApi, int16, int32, int64, string, uuid } from "../schema.ts";

export const offsetCommit = defineApi({
  key: 8,
  name: "OffsetCommit",
  versions: "2-10",
  flexible: "8+",
  request: {
    groupId: string(),
    /** −1 when the group manages no members. */
    generationIdOrMemberEpoch: int32({ default: -1 }),
    memberId: string(),
    groupInstanceId: string({ versions: "7+", nullable: true, default: null }),
    /** −1 for the broker's own setting. */
    retentionTimeMs: int64({ versions: "2-4", default: -1n }),
    topics: array({
      name: string("2-9"),
      topicId: uuid("10+"),
      partitions: array({
        partitionIndex: int32(),
        committedOffset: int64(),
        committedLeaderEpoch: int32({ versions: "6+", default: -1 }),
        committedMetadata: string({ nullable: true }),
      }),
    }),
  },
  response: {
    throttleTimeMs: int32("3+"),
    topics: array({
      name: string("2-9"),
      topicId: uuid("10+"),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
      }),
    }),
  },
});
