/**
 * Appends record sets to partitions. Topic ids replace names at version 13; acks=0 gets no response at all. Versions 0–2 (the old
 * message formats) are gone, yet librdkafka looks for version 0 in ApiVersions: see the handler.
 */
import { array, defineApi, int16, int32, int64, records, string, struct, uuid } from "../schema.ts";

export const produce = defineApi({
  key: 0,
  name: "Produce",
  versions: "3-13",
  flexible: "9+",
  request: {
    transactionalId: string({ nullable: true, default: null }),
    /** −1 all, 1 leader, 0 none and no response. */
    acks: int16(),
    timeoutMs: int32(),
    topicData: array({
      name: string("3-12"),
      topicId: uuid("13+"),
      partitionData: array({
        index: int32(),
        records: records({ nullable: true }),
      }),
    }),
  },
  response: {
    responses: array({
      name: string("3-12"),
      topicId: uuid("13+"),
      partitionResponses: array({
        index: int32(),
        errorCode: int16(),
        baseOffset: int64(),
        /** −1 unless the topic stamps records when they are appended. */
        logAppendTimeMs: int64({ default: -1n }),
        logStartOffset: int64({ versions: "5+", default: -1n }),
        /** Which records of the batch caused its refusal. */
        recordErrors: array("8+", {
          batchIndex: int32(),
          batchIndexErrorMessage: string({ nullable: true, default: null }),
        }),
        errorMessage: string({ versions: "8+", nullable: true, default: null }),
        /** Sent with a leadership error, so that the client need not ask for metadata (KIP-951). */
        currentLeader: struct(
          { versions: "10+", tag: 0 },
          {
            leaderId: int32({ default: -1 }),
            leaderEpoch: int32({ default: -1 }),
          },
        ),
      }),
    }),
    throttleTimeMs: int32(),
    nodeEndpoints: array(
      { versions: "10+", tag: 0 },
      {
        nodeId: int32(),
        host: string(),
        port: int32(),
        rack: string({ nullable: true, default: null }),
      },
    ),
  },
});
