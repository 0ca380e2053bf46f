/**
 * Describes classic groups: state, protocol, members. What members subscribed to and were assigned stays in bytes that only
 * clients read: see consumer-protocol.ts.
 */
import { array, bool, bytes, defineApi, int16, int32, string } from "../schema.ts";

export const describeGroups = defineApi({
  key: 15,
  name: "DescribeGroups",
  versions: "0-6",
  flexible: "5+",
  request: {
    groups: array(string()),
    includeAuthorizedOperations: bool("3+"),
  },
  response: {
    throttleTimeMs: int32("1+"),
    groups: array({
      errorCode: int16(),
      errorMessage: string({ versions: "6+", nullable: true, default: null }),
      groupId: string(),
      groupState: string(),
      protocolType: string(),
      protocolData: string(),
      members: array({
        memberId: string(),
        groupInstanceId: string({ versions: "4+", nullable: true, default: null }),
        clientId: string(),
        clientHost: string(),
        memberMetadata: bytes(),
        memberAssignment: bytes(),
      }),
      authorizedOperations: int32({ versions: "3+", default: -2147483648 }),
    }),
  },
});
