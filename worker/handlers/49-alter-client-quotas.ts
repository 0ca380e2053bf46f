/**
 * AlterClientQuotas, versions 0–1. The broker that was asked holds clients to the new quotas at once, others when they next look at the
 * list of topics. KIP-546, KIP-599 (controller_mutation_rate), KIP-612 (connection_creation_rate, which is kept and not applied).
 */
import { alterClientQuotas } from "../../protocol/messages/49-alter-client-quotas.ts";
import { defineHandler } from "./define-handler.ts";
import { controllerUnreachable } from "./unreachable.ts";

export const alterClientQuotasHandler = defineHandler({
  api: alterClientQuotas,
  versions: [0, 1],
  async handle({ entries, validateOnly }, { services }) {
    const outcomes = await services.controller.alterClientQuotas(entries, validateOnly);
    if (!validateOnly) await services.catalog.all();
    return { entries: outcomes };
  },
  unreachable: ({ entries }) => ({ entries: entries.map(({ entity }) => ({ entity, ...controllerUnreachable })) }),
});
