/**
 * Replaces all configs of a resource; what is not named falls back to its default. Clients prefer IncrementalAlterConfigs by now.
 */
import { array, bool, defineApi, int16, int32, int8, string } from "../schema.ts";

export const alterConfigs = defineApi({
  key: 33,
  name: "AlterConfigs",
  versions: "0-2",
  flexible: "2+",
  request: {
    resources: array({
      resourceType: int8(),
      resourceName: string(),
      configs: array({
        name: string(),
        value: string({ nullable: true }),
      }),
    }),
    validateOnly: bool(),
  },
  response: {
    throttleTimeMs: int32(),
    responses: array({
      errorCode: int16(),
      errorMessage: string({ nullable: true }),
      resourceType: int8(),
      resourceName: string(),
    }),
  },
});
