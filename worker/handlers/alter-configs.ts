/**
 * What AlterConfigs and IncrementalAlterConfigs have in common: every resource is judged on its own, those whose form is right go to
 * the controller in one call.
 */
import type { ConfigAlteration, Outcome } from "../../core/cluster/controller-client.ts";
import type { BrokerServices } from "../../durable-objects/handler.ts";
import type { ResourceId } from "./config-resources.ts";
import { controllerUnreachable } from "./unreachable.ts";

export function alterationsFailed({ resources }: { readonly resources: readonly ResourceId[] }) {
  return {
    responses: resources.map(({ resourceType, resourceName }) => ({ resourceType, resourceName, ...controllerUnreachable })),
  };
}

export async function alterAll<Resource extends ResourceId>(
  resources: readonly Resource[],
  validateOnly: boolean,
  services: BrokerServices,
  malformed: (resource: Resource) => Outcome | undefined,
  alterationOf: (resource: Resource) => Omit<ConfigAlteration, "type" | "name">,
) {
  const judged = resources.map((resource) => ({ resource, refusal: malformed(resource) }));
  const passed = judged.filter(({ refusal }) => refusal === undefined).map(({ resource }) => resource);
  const alterations = passed.map((resource) => {
    const { resourceType: type, resourceName: name } = resource;
    return { type, name, ...alterationOf(resource) };
  });
  const outcomes = alterations.length === 0 ? [] : await services.controller.alterConfigs(alterations, validateOnly);
  if (!validateOnly) services.catalog.invalidate();
  let answered = 0;
  return judged.map(({ resource, refusal }) => {
    const { errorCode, errorMessage } = refusal ?? outcomes[answered++]!;
    return { resourceType: resource.resourceType, resourceName: resource.resourceName, errorCode, errorMessage };
  });
}
