/**
 * Finalizes versions of features of the whole cluster, up or down.
 */
import { array, bool, defineApi, int16, int32, int8, string } from "../schema.ts";

export const updateFeatures = defineApi({
  key: 57,
  name: "UpdateFeatures",
  versions: "0-2",
  flexible: "0+",
  request: {
    timeoutMs: int32({ default: 60000 }),
    featureUpdates: array({
      feature: string(),
      maxVersionLevel: int16(),
      allowDowngrade: bool("0"),
      upgradeType: int8({ versions: "1+", default: 1 }),
    }),
    validateOnly: bool("1+"),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: true }),
    results: array("0-1", {
      feature: string(),
      errorCode: int16(),
      errorMessage: string({ nullable: true }),
    }),
  },
});
