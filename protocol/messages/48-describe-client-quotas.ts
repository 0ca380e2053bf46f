/**
 * Lists quotas of users, client ids and addresses that match a filter.
 */
import { array, bool, defineApi, float64, int16, int32, int8, string } from "../schema.ts";

export const describeClientQuotas = defineApi({
  key: 48,
  name: "DescribeClientQuotas",
  versions: "0-1",
  flexible: "1+",
  request: {
    components: array({
      entityType: string(),
      matchType: int8(),
      match: string({ nullable: true }),
    }),
    strict: bool(),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: true }),
    entries: array(
      { nullable: true },
      {
        entity: array({
          entityType: string(),
          entityName: string({ nullable: true }),
        }),
        values: array({
          key: string(),
          value: float64(),
        }),
      },
    ),
  },
});
