/**
 * Describes where a broker keeps its logs and how large they are.
 */
import { array, bool, defineApi, int16, int32, int64, string } from "../schema.ts";

export const describeLogDirs = defineApi({
  key: 35,
  name: "DescribeLogDirs",
  versions: "1-4",
  flexible: "2+",
  request: {
    topics: array(
      { nullable: true },
      {
        topic: string(),
        partitions: array(int32()),
      },
    ),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16("3+"),
    results: array({
      errorCode: int16(),
      logDir: string(),
      topics: array({
        name: string(),
        partitions: array({
          partitionIndex: int32(),
          partitionSize: int64(),
          offsetLag: int64(),
          isFutureKey: bool(),
        }),
      }),
      totalBytes: int64({ versions: "4+", default: -1n }),
      usableBytes: int64({ versions: "4+", default: -1n }),
    }),
  },
});
