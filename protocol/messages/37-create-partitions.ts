/**
 * Raises the number of partitions of topics, or only checks that it could.
 */
import { array, bool, defineApi, int16, int32, string } from "../schema.ts";

export const createPartitions = defineApi({
  key: 37,
  name: "CreatePartitions",
  versions: "0-3",
  flexible: "2+",
  request: {
    topics: array({
      name: string(),
      count: int32(),
      assignments: array(
        { nullable: true },
        {
          brokerIds: array(int32()),
        },
      ),
    }),
    timeoutMs: int32(),
    validateOnly: bool(),
  },
  response: {
    throttleTimeMs: int32(),
    results: array({
      name: string(),
      errorCode: int16(),
      errorMessage: string({ nullable: true, default: null }),
    }),
  },
});
