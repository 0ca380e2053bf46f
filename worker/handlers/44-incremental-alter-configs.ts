/**
 * IncrementalAlterConfigs, versions 0–1: only what is named changes; lists can grow and shrink. KIP-339. Divergences: log levels of
 * single loggers (KIP-412) and client metrics (KIP-714) are refused; a broker whose id is not this one's is altered all the same.
 */
import { incrementalAlterConfigs } from "../../protocol/messages/44-incremental-alter-configs.ts";
import { alterAll, alterationsFailed } from "./alter-configs.ts";
import { malformedAlteration, repeatedResources } from "./config-resources.ts";
import { defineHandler } from "./define-handler.ts";

const remove = 1;

export const incrementalAlterConfigsHandler = defineHandler({
  api: incrementalAlterConfigs,
  versions: [0, 1],
  async handle({ resources, validateOnly }, { services }) {
    const isRepeated = repeatedResources(resources);
    const responses = await alterAll(
      resources,
      validateOnly,
      services,
      (resource) => {
        const needsValue = (config: (typeof resource.configs)[number]) => config.configOperation !== remove;
        return malformedAlteration(resource, isRepeated, services.settings, needsValue);
      },
      ({ configs }) => ({
        replace: false,
        changes: configs.map(({ name, configOperation, value }) => ({ name, operation: configOperation, value })),
      }),
    );
    return { responses };
  },
  unreachable: alterationsFailed,
});
