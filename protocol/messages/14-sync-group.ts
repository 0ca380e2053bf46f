/**
 * Hands the leader's assignment to the coordinator and each member its part. Members who are not the leader send none.
 */
import { array, bytes, defineApi, int16, int32, string } from "../schema.ts";

export const syncGroup = defineApi({
  key: 14,
  name: "SyncGroup",
  versions: "0-5",
  flexible: "4+",
  request: {
    groupId: string(),
    generationId: int32(),
    memberId: string(),
    groupInstanceId: string({ versions: "3+", nullable: true, default: null }),
    protocolType: string({ versions: "5+", nullable: true, default: null }),
    protocolName: string({ versions: "5+", nullable: true, default: null }),
    assignments: array({
      memberId: string(),
      assignment: bytes(),
    }),
  },
  response: {
    throttleTimeMs: int32("1+"),
    errorCode: int16(),
    protocolType: string({ versions: "5+", nullable: true, default: null }),
    protocolName: string({ versions: "5+", nullable: true, default: null }),
    assignment: bytes(),
  },
});
