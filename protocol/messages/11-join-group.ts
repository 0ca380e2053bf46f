/**
 * Enters a classic consumer group; the answer comes when the rebalance it joins has gathered everyone. The leader alone is told
 * all members, because it computes the assignment.
 */
import { array, bool, bytes, defineApi, int16, int32, string } from "../schema.ts";

export const joinGroup = defineApi({
  key: 11,
  name: "JoinGroup",
  versions: "0-9",
  flexible: "6+",
  request: {
    groupId: string(),
    sessionTimeoutMs: int32(),
    /** Version 0 uses the session timeout. */
    rebalanceTimeoutMs: int32({ versions: "1+", default: -1 }),
    memberId: string(),
    groupInstanceId: string({ versions: "5+", nullable: true, default: null }),
    protocolType: string(),
    protocols: array({
      name: string(),
      metadata: bytes(),
    }),
    reason: string({ versions: "8+", nullable: true, default: null }),
  },
  response: {
    throttleTimeMs: int32("2+"),
    errorCode: int16(),
    generationId: int32({ default: -1 }),
    protocolType: string({ versions: "7+", nullable: true, default: null }),
    protocolName: string({ nullable: "7+" }),
    leader: string(),
    skipAssignment: bool("9+"),
    memberId: string(),
    members: array({
      memberId: string(),
      groupInstanceId: string({ versions: "5+", nullable: true, default: null }),
      metadata: bytes(),
    }),
  },
});
