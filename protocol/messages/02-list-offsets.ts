/**
 * Finds offsets by time, or the special ones: −1 latest, −2 earliest, −3 the record of the highest timestamp, −4 and −5 the
 * borders of tiered storage.
 */
import { array, defineApi, int16, int32, int64, int8, string } from "../schema.ts";

export const listOffsets = defineApi({
  key: 2,
  name: "ListOffsets",
  versions: "1-11",
  flexible: "6+",
  request: {
    /** −1 for consumers. */
    replicaId: int32(),
    isolationLevel: int8("2+"),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        currentLeaderEpoch: int32({ versions: "4+", default: -1 }),
        timestamp: int64(),
      }),
    }),
    timeoutMs: int32("10+"),
  },
  response: {
    throttleTimeMs: int32("2+"),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        timestamp: int64({ default: -1n }),
        offset: int64({ default: -1n }),
        leaderEpoch: int32({ versions: "4+", default: -1 }),
      }),
    }),
  },
});
