/**
 * The first thing that a client asks: what the broker can do. Its response header is the old one in every version, and an unknown
 * version is answered in the form of version 0.
 */
import { array, bool, defineApi, int16, int32, int64, string } from "../schema.ts";

export const apiVersions = defineApi({
  key: 18,
  name: "ApiVersions",
  versions: "0-4",
  flexible: "3+",
  request: {
    clientSoftwareName: string("3+"),
    clientSoftwareVersion: string("3+"),
  },
  response: {
    errorCode: int16(),
    apiKeys: array({
      apiKey: int16(),
      minVersion: int16(),
      maxVersion: int16(),
    }),
    throttleTimeMs: int32("1+"),
    supportedFeatures: array(
      { versions: "3+", tag: 0 },
      {
        name: string(),
        minVersion: int16(),
        maxVersion: int16(),
      },
    ),
    /** Below 0 the finalized features do not count. */
    finalizedFeaturesEpoch: int64({ versions: "3+", default: -1n, tag: 1 }),
    finalizedFeatures: array(
      { versions: "3+", tag: 2 },
      {
        name: string(),
        maxVersionLevel: int16(),
        minVersionLevel: int16(),
      },
    ),
    zkMigrationReady: bool({ versions: "3+", tag: 3 }),
  },
});
