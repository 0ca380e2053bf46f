/**
 * Tells clients which brokers there are, which topics, and who leads each partition. Version 0 asks for all topics by an empty
 * array, later ones by null; an unknown topic may be created in passing.
 */
import { array, bool, defineApi, int16, int32, string, uuid } from "../schema.ts";

export const metadata = defineApi({
  key: 3,
  name: "Metadata",
  versions: "0-13",
  flexible: "9+",
  request: {
    /** Null for all. */
    topics: array(
      { nullable: "1+" },
      {
        topicId: uuid("10+"),
        name: string({ nullable: "10+" }),
      },
    ),
    allowAutoTopicCreation: bool({ versions: "4+", default: true }),
    includeClusterAuthorizedOperations: bool("8-10"),
    includeTopicAuthorizedOperations: bool("8+"),
  },
  response: {
    throttleTimeMs: int32("3+"),
    brokers: array({
      nodeId: int32(),
      host: string(),
      port: int32(),
      rack: string({ versions: "1+", nullable: true, default: null }),
    }),
    clusterId: string({ versions: "2+", nullable: true, default: null }),
    controllerId: int32({ versions: "1+", default: -1 }),
    topics: array({
      errorCode: int16(),
      name: string({ nullable: "12+" }),
      topicId: uuid("10+"),
      isInternal: bool("1+"),
      partitions: array({
        errorCode: int16(),
        partitionIndex: int32(),
        leaderId: int32(),
        leaderEpoch: int32({ versions: "7+", default: -1 }),
        replicaNodes: array(int32()),
        isrNodes: array(int32()),
        offlineReplicas: array("5+", int32()),
      }),
      /** A bit field; the default says that nobody asked. */
      topicAuthorizedOperations: int32({ versions: "8+", default: -2147483648 }),
    }),
    clusterAuthorizedOperations: int32({ versions: "8-10", default: -2147483648 }),
    errorCode: int16("13+"),
  },
});
