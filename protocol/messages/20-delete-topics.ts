/**
 * Deletes topics, by name in an array of strings up to version 5, by name or id from version 6.
 */
import { array, defineApi, int16, int32, string, uuid } from "../schema.ts";

export const deleteTopics = defineApi({
  key: 20,
  name: "DeleteTopics",
  versions: "1-6",
  flexible: "4+",
  request: {
    topics: array("6+", {
      name: string({ nullable: true, default: null }),
      topicId: uuid(),
    }),
    topicNames: array("1-5", string()),
    timeoutMs: int32(),
  },
  response: {
    throttleTimeMs: int32(),
    responses: array({
      name: string({ nullable: "6+" }),
      topicId: uuid("6+"),
      errorCode: int16(),
      errorMessage: string({ versions: "5+", nullable: true, default: null }),
    }),
  },
});
