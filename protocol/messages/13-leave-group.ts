/**
 * Takes members out of a classic group. From version 3 an administrator can remove several, static ones too.
 */
import { array, defineApi, int16, int32, string } from "../schema.ts";

export const leaveGroup = defineApi({
  key: 13,
  name: "LeaveGroup",
  versions: "0-5",
  flexible: "4+",
  request: {
    groupId: string(),
    memberId: string("0-2"),
    members: array("3+", {
      memberId: string(),
      groupInstanceId: string({ nullable: true, default: null }),
      reason: string({ versions: "5+", nullable: true, default: null }),
    }),
  },
  response: {
    throttleTimeMs: int32("1+"),
    errorCode: int16(),
    members: array("3+", {
      memberId: string(),
      groupInstanceId: string({ nullable: true }),
      errorCode: int16(),
    }),
  },
});
