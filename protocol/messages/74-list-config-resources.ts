/**
 * Lists the resources that have configs of their own. Version 0 knew only those of client metrics.
 */
import { array, defineApi, int16, int32, int8, string } from "../schema.ts";

export const listConfigResources = defineApi({
  key: 74,
  name: "ListConfigResources",
  versions: "0-1",
  flexible: "0+",
  request: {
    resourceTypes: array("1+", int8()),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    configResources: array({
      resourceName: string(),
      resourceType: int8({ versions: "1+", default: 16 }),
    }),
  },
});
