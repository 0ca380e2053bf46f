/**
 * What AlterConfigs and IncrementalAlterConfigs have in common: every resource is judged on its own, those whose form is right go to
 * the controller in one call.
 */
import type { ConfigAlteration, Outcome } from "../../core/cluster/controller-client.ts";
import type { BrokerServices } from "../../durable-objects/handler.ts";
import type { ResourceId } from "./config-resources.ts";

export async function alterAll<Resource extends ResourceId>(
  resources: readonly Resource[],
  validateOnly: boolean,
  services: BrokerServices,
  malformed: (resource: Resource) => Outcome | undefined,
  alterationOf: (resource: Resource) => Omit<ConfigAlteration, "type" | "name">,
) {
  const refusals = resources.map(malformed);
  const alterations = resources.flatMap((resource, index): ConfigAlteration[] =>
    refusals[index] === undefined ? [{ type: resource.resourceType, name: resource.resourceName, ...alterationOf(resource) }] : [],
  );
  const outcomes = alterations.length === 0 ? [] : await services.controller.alterConfigs(alterations, validateOnly);
  if (!validateOnly) services.catalog.invalidate();
  const answered = outcomes[Symbol.iterator]();
  return resources.map(({ resourceType, resourceName }, index) => {
    const { errorCode, errorMessage } = refusals[index] ?? (answered.next().value as Outcome);
    return { resourceType, resourceName, errorCode, errorMessage };
  });
}
