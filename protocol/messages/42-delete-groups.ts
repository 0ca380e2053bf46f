/**
 * Deletes groups that have no members, with their committed offsets.
 */
import { array, defineApi, int16, int32, string } from "../schema.ts";

export const deleteGroups = defineApi({
  key: 42,
  name: "DeleteGroups",
  versions: "0-2",
  flexible: "2+",
  request: {
    groupsNames: array(string()),
  },
  response: {
    throttleTimeMs: int32(),
    results: array({
      groupId: string(),
      errorCode: int16(),
    }),
  },
});
