/**
 * Describes the quorum of controllers. Administration tools ask it of any broker.
 */
import { array, defineApi, int16, int32, int64, string, uint16, uuid } from "../schema.ts";

const replicaState = {
  replicaId: int32(),
  replicaDirectoryId: uuid("2+"),
  logEndOffset: int64(),
  lastFetchTimestamp: int64({ versions: "1+", default: -1n }),
  lastCaughtUpTimestamp: int64({ versions: "1+", default: -1n }),
};

export const describeQuorum = defineApi({
  key: 55,
  name: "DescribeQuorum",
  versions: "0-2",
  flexible: "0+",
  request: {
    topics: array({
      topicName: string(),
      partitions: array({
        partitionIndex: int32(),
      }),
    }),
  },
  response: {
    errorCode: int16(),
    errorMessage: string({ versions: "2+", nullable: true }),
    topics: array({
      topicName: string(),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        errorMessage: string({ versions: "2+", nullable: true }),
        leaderId: int32(),
        leaderEpoch: int32(),
        highWatermark: int64(),
        currentVoters: array(replicaState),
        observers: array(replicaState),
      }),
    }),
    nodes: array("2+", {
      nodeId: int32(),
      listeners: array({
        name: string(),
        host: string(),
        port: uint16(),
      }),
    }),
  },
});
