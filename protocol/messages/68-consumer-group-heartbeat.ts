/**
 * The one request of the new consumer groups (KIP-848): joins, heartbeats, acknowledges and leaves. Null means unchanged since
 * the last one; member epoch −1 leaves, −2 leaves for a while.
 */
import { array, defineApi, int16, int32, string, struct, uuid } from "../schema.ts";

const topicPartitions = {
  topicId: uuid(),
  partitions: array(int32()),
};

export const consumerGroupHeartbeat = defineApi({
  key: 68,
  name: "ConsumerGroupHeartbeat",
  versions: "0-1",
  flexible: "0+",
  request: {
    groupId: string(),
    memberId: string(),
    /** 0 joins, −1 leaves, −2 leaves for a while (static members). */
    memberEpoch: int32(),
    instanceId: string({ nullable: true, default: null }),
    rackId: string({ nullable: true, default: null }),
    rebalanceTimeoutMs: int32({ default: -1 }),
    subscribedTopicNames: array({ nullable: true, default: null }, string()),
    subscribedTopicRegex: string({ versions: "1+", nullable: true, default: null }),
    serverAssignor: string({ nullable: true, default: null }),
    /** What the member owns; null when unchanged. */
    topicPartitions: array(
      { nullable: true, default: null },
      {
        topicId: uuid(),
        partitions: array(int32()),
      },
    ),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: true, default: null }),
    memberId: string({ nullable: true, default: null }),
    memberEpoch: int32(),
    heartbeatIntervalMs: int32(),
    /** Null when unchanged. */
    assignment: struct(
      { nullable: true, default: null },
      {
        topicPartitions: array(topicPartitions),
      },
    ),
  },
});
