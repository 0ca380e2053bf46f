/**
 * Answers a group's committed positions; offset −1 where there is none. From version 8 one request asks about several groups, in
 * other fields than before.
 */
import { array, bool, defineApi, int16, int32, int64, string, uuid } from "../schema.ts";

export const offsetFetch = defineApi({
  key: 9,
  name: "OffsetFetch",
  versions: "1-10",
  flexible: "6+",
  request: {
    groupId: string("1-7"),
    /** Null for all that have offsets. */
    topics: array(
      { versions: "1-7", nullable: "2-7" },
      {
        name: string(),
        partitionIndexes: array(int32()),
      },
    ),
    groups: array("8+", {
      groupId: string(),
      memberId: string({ versions: "9+", nullable: true, default: null }),
      memberEpoch: int32({ versions: "9+", default: -1 }),
      topics: array(
        { nullable: true },
        {
          name: string("8-9"),
          topicId: uuid("10+"),
          partitionIndexes: array(int32()),
        },
      ),
    }),
    requireStable: bool("7+"),
  },
  response: {
    throttleTimeMs: int32("3+"),
    topics: array("1-7", {
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        committedOffset: int64(),
        committedLeaderEpoch: int32({ versions: "5-7", default: -1 }),
        metadata: string({ nullable: true }),
        errorCode: int16(),
      }),
    }),
    errorCode: int16("2-7"),
    groups: array("8+", {
      groupId: string(),
      topics: array({
        name: string("8-9"),
        topicId: uuid("10+"),
        partitions: array({
          partitionIndex: int32(),
          committedOffset: int64(),
          committedLeaderEpoch: int32({ default: -1 }),
          metadata: string({ nullable: true }),
          errorCode: int16(),
        }),
      }),
      errorCode: int16(),
    }),
  },
});
