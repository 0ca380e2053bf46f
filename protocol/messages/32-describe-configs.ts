/**
 * Lists the configs of topics, brokers and groups: value, where it comes from, what else it could come from.
 */
import { array, bool, defineApi, int16, int32, int8, string } from "../schema.ts";

export const describeConfigs = defineApi({
  key: 32,
  name: "DescribeConfigs",
  versions: "1-4",
  flexible: "4+",
  request: {
    resources: array({
      resourceType: int8(),
      resourceName: string(),
      /** Null for all. */
      configurationKeys: array({ nullable: true }, string()),
    }),
    includeSynonyms: bool(),
    includeDocumentation: bool("3+"),
  },
  response: {
    throttleTimeMs: int32(),
    results: array({
      errorCode: int16(),
      errorMessage: string({ nullable: true }),
      resourceType: int8(),
      resourceName: string(),
      configs: array({
        name: string(),
        value: string({ nullable: true }),
        readOnly: bool(),
        /** 1 topic, 2 dynamic broker, 3 dynamic default broker, 4 static broker, 5 default, 6 dynamic broker logger, 7 client metrics, 8 group. */
        configSource: int8({ default: -1 }),
        isSensitive: bool(),
        synonyms: array({
          name: string(),
          value: string({ nullable: true }),
          source: int8(),
        }),
        configType: int8("3+"),
        documentation: string({ versions: "3+", nullable: true }),
      }),
    }),
  },
});
