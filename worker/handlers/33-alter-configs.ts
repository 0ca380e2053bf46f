/**
 * AlterConfigs, versions 0–2: what is not named goes back to its default. Superseded by IncrementalAlterConfigs (KIP-339), still used
 * by old clients.
 */
import { alterConfigs } from "../../protocol/messages/33-alter-configs.ts";
import { alterAll, alterationsFailed } from "./alter-configs.ts";
import { malformedAlteration, repeatedResources } from "./config-resources.ts";
import { defineHandler } from "./define-handler.ts";

const set = 0;

export const alterConfigsHandler = defineHandler({
  api: alterConfigs,
  versions: [0, 2],
  async handle({ resources, validateOnly }, { services }) {
    const isRepeated = repeatedResources(resources);
    const responses = await alterAll(
      resources,
      validateOnly,
      services,
      (resource) => malformedAlteration(resource, isRepeated, services.settings, () => true),
      ({ configs }) => ({ replace: true, changes: configs.map(({ name, value }) => ({ name, operation: set, value })) }),
    );
    return { responses };
  },
  unreachable: alterationsFailed,
});
