/**
 * Says which broker coordinates a group, a transactional id or a share partition. From version 4 one request asks about several
 * keys, in other fields than before.
 */
import { array, defineApi, int16, int32, int8, string } from "../schema.ts";

export const findCoordinator = defineApi({
  key: 10,
  name: "FindCoordinator",
  versions: "0-6",
  flexible: "3+",
  request: {
    key: string("0-3"),
    /** 0 group, 1 transactional id, 2 share partition. */
    keyType: int8("1+"),
    coordinatorKeys: array("4+", string()),
  },
  response: {
    throttleTimeMs: int32("1+"),
    errorCode: int16("0-3"),
    errorMessage: string({ versions: "1-3", nullable: true }),
    nodeId: int32("0-3"),
    host: string("0-3"),
    port: int32("0-3"),
    coordinators: array("4+", {
      key: string(),
      nodeId: int32(),
      host: string(),
      port: int32(),
      errorCode: int16(),
      errorMessage: string({ nullable: true }),
    }),
  },
});
