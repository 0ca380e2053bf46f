/**
 * Says in which of a broker's log directories replicas shall lie.
 */
import { array, defineApi, int16, int32, string } from "../schema.ts";

export const alterReplicaLogDirs = defineApi({
  key: 34,
  name: "AlterReplicaLogDirs",
  versions: "1-2",
  flexible: "2+",
  request: {
    dirs: array({
      path: string(),
      topics: array({
        name: string(),
        partitions: array(int32()),
      }),
    }),
  },
  response: {
    throttleTimeMs: int32(),
    results: array({
      topicName: string(),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
      }),
    }),
  },
});
