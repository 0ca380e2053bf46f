/**
 * Lists the groups that a broker coordinates, if asked by state (4+) and type (5+).
 */
import { array, defineApi, int16, int32, string } from "../schema.ts";

export const listGroups = defineApi({
  key: 16,
  name: "ListGroups",
  versions: "0-5",
  flexible: "3+",
  request: {
    statesFilter: array("4+", string()),
    typesFilter: array("5+", string()),
  },
  response: {
    throttleTimeMs: int32("1+"),
    errorCode: int16(),
    groups: array({
      groupId: string(),
      protocolType: string(),
      groupState: string("4+"),
      groupType: string("5+"),
    }),
  },
});
