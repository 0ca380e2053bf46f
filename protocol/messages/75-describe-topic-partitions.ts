/**
 * Describes the partitions of topics page by page: a cursor in the answer says where the next question begins.
 */
import { array, bool, defineApi, int16, int32, string, struct, uuid } from "../schema.ts";

const cursor = {
  topicName: string(),
  partitionIndex: int32(),
};

export const describeTopicPartitions = defineApi({
  key: 75,
  name: "DescribeTopicPartitions",
  versions: "0",
  flexible: "0+",
  request: {
    topics: array({
      name: string(),
    }),
    responsePartitionLimit: int32({ default: 2000 }),
    cursor: struct({ nullable: true, default: null }, cursor),
  },
  response: {
    throttleTimeMs: int32(),
    topics: array({
      errorCode: int16(),
      name: string({ nullable: true }),
      topicId: uuid(),
      isInternal: bool(),
      partitions: array({
        errorCode: int16(),
        partitionIndex: int32(),
        leaderId: int32(),
        leaderEpoch: int32({ default: -1 }),
        replicaNodes: array(int32()),
        isrNodes: array(int32()),
        eligibleLeaderReplicas: array({ nullable: true, default: null }, int32()),
        lastKnownElr: array({ nullable: true, default: null }, int32()),
        offlineReplicas: array(int32()),
      }),
      topicAuthorizedOperations: int32({ default: -2147483648 }),
    }),
    nextCursor: struct({ nullable: true, default: null }, cursor),
  },
});
