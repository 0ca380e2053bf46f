/**
 * DescribeClientQuotas, versions 0–1. The controller's list, filtered here: brokers hold all of it, because they hold clients to it.
 * KIP-546.
 */
import { partsOf } from "../../core/quota/quota-entities.ts";
import { findQuotas } from "../../core/quota/quota-filter.ts";
import { describeClientQuotas } from "../../protocol/messages/48-describe-client-quotas.ts";
import { defineHandler } from "./define-handler.ts";
import { controllerUnreachable } from "./unreachable.ts";

export const describeClientQuotasHandler = defineHandler({
  api: describeClientQuotas,
  versions: [0, 1],
  async handle({ components, strict }, { services }) {
    await services.catalog.all();
    const answer = findQuotas(services.catalog.quotas, components, strict);
    if ("errorCode" in answer) return { ...answer, entries: null };
    return {
      errorMessage: "",
      entries: answer.found.map(({ entity, values }) => ({
        entity: partsOf(entity),
        values: Object.entries(values).map(([key, value]) => ({ key, value })),
      })),
    };
  },
  unreachable: () => ({ ...controllerUnreachable, entries: null }),
});
