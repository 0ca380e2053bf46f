/**
 * Reads record sets from partitions, waiting for more when there is little. Sessions (7+) let a client name only what changed;
 * session id 0 declines them. Topic ids replace names at version 13. Fields about replicas are followers' business.
 */
import { array, defineApi, int16, int32, int64, int8, records, string, struct, uuid } from "../schema.ts";

export const fetch = defineApi({
  key: 1,
  name: "Fetch",
  versions: "4-18",
  flexible: "12+",
  request: {
    clusterId: string({ versions: "12+", nullable: true, default: null, tag: 0 }),
    /** −1 for consumers. */
    replicaId: int32({ versions: "4-14", default: -1 }),
    replicaState: struct(
      { versions: "15+", tag: 1 },
      {
        replicaId: int32({ default: -1 }),
        replicaEpoch: int64({ default: -1n }),
      },
    ),
    maxWaitMs: int32(),
    minBytes: int32(),
    maxBytes: int32({ default: 0x7fffffff }),
    /** 0 read uncommitted, 1 read committed. */
    isolationLevel: int8(),
    sessionId: int32("7+"),
    /** −1 declines a session. */
    sessionEpoch: int32({ versions: "7+", default: -1 }),
    topics: array({
      topic: string("4-12"),
      topicId: uuid("13+"),
      partitions: array({
        partition: int32(),
        currentLeaderEpoch: int32({ versions: "9+", default: -1 }),
        fetchOffset: int64(),
        lastFetchedEpoch: int32({ versions: "12+", default: -1 }),
        logStartOffset: int64({ versions: "5+", default: -1n }),
        partitionMaxBytes: int32(),
        replicaDirectoryId: uuid({ versions: "17+", tag: 0 }),
        highWatermark: int64({ versions: "18+", default: 9223372036854775807n, tag: 1 }),
      }),
    }),
    /** Partitions that leave the session. */
    forgottenTopicsData: array("7+", {
      topic: string("7-12"),
      topicId: uuid("13+"),
      partitions: array(int32()),
    }),
    rackId: string("11+"),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16("7+"),
    sessionId: int32("7+"),
    responses: array({
      topic: string("4-12"),
      topicId: uuid("13+"),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        highWatermark: int64(),
        lastStableOffset: int64({ default: -1n }),
        logStartOffset: int64({ versions: "5+", default: -1n }),
        divergingEpoch: struct(
          { versions: "12+", tag: 0 },
          {
            epoch: int32({ default: -1 }),
            endOffset: int64({ default: -1n }),
          },
        ),
        currentLeader: struct(
          { versions: "12+", tag: 1 },
          {
            leaderId: int32({ default: -1 }),
            leaderEpoch: int32({ default: -1 }),
          },
        ),
        snapshotId: struct(
          { versions: "12+", tag: 2 },
          {
            endOffset: int64({ default: -1n }),
            epoch: int32({ default: -1 }),
          },
        ),
        /** In order of first offset; null under read uncommitted. */
        abortedTransactions: array(
          { nullable: true },
          {
            producerId: int64(),
            firstOffset: int64(),
          },
        ),
        preferredReadReplica: int32({ versions: "11+", default: -1 }),
        /** Whole batches, the first one perhaps beginning before the offset asked for. */
        records: records({ nullable: true }),
      }),
    }),
    nodeEndpoints: array(
      { versions: "16+", tag: 0 },
      {
        nodeId: int32(),
        host: string(),
        port: int32(),
        rack: string({ nullable: true, default: null }),
      },
    ),
  },
});
