/**
 * Asks for an election of partition leaders, the preferred ones or, if need be, unclean. Null topics mean all partitions.
 */
import { array, defineApi, int16, int32, int8, string } from "../schema.ts";

export const electLeaders = defineApi({
  key: 43,
  name: "ElectLeaders",
  versions: "0-2",
  flexible: "2+",
  request: {
    electionType: int8("1+"),
    topicPartitions: array(
      { nullable: true },
      {
        topic: string(),
        partitions: array(int32()),
      },
    ),
    timeoutMs: int32({ default: 60000 }),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16("1+"),
    replicaElectionResults: array({
      topic: string(),
      partitionResult: array({
        partitionId: int32(),
        errorCode: int16(),
        errorMessage: string({ nullable: true }),
      }),
    }),
  },
});
