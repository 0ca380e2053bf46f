/**
 * Keeps a member of a classic group alive, and tells it in the error code that a rebalance has begun.
 */
import { defineApi, int16, int32, string } from "../schema.ts";

export const heartbeat = defineApi({
  key: 12,
  name: "Heartbeat",
  versions: "0-4",
  flexible: "4+",
  request: {
    groupId: string(),
    generationId: int32(),
    memberId: string(),
    groupInstanceId: string({ versions: "3+", nullable: true, default: null }),
  },
  response: {
    throttleTimeMs: int32("1+"),
    errorCode: int16(),
  },
});
