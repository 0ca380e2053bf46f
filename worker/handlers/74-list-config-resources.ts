/**
 * ListConfigResources, versions 0–1. Which resources have configs that can be described. Version 0 asks for client metrics only, of which
 * there are none. KIP-1142.
 */
import { configResources } from "../../core/cluster/config-table.ts";
import { allNodeIds } from "../../core/cluster/placement.ts";
import type { BrokerServices } from "../../durable-objects/handler.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { listConfigResources } from "../../protocol/messages/74-list-config-resources.ts";
import { brokerLoggerResource, clientMetricsResource } from "./config-resources.ts";
import { defineHandler } from "./define-handler.ts";
import { controllerUnreachable } from "./unreachable.ts";

const resourceTypes: readonly number[] = [...Object.values(configResources), brokerLoggerResource, clientMetricsResource];

export const listConfigResourcesHandler = defineHandler({
  api: listConfigResources,
  versions: [0, 1],
  async handle(request, { apiVersion, services }) {
    const asked = apiVersion === 0 ? [clientMetricsResource] : request.resourceTypes;
    const wanted = asked.length === 0 ? resourceTypes : [...new Set(asked)];
    if (wanted.some((type) => !resourceTypes.includes(type))) return { errorCode: errorCodes.UNSUPPORTED_VERSION };
    const lists = await Promise.all(wanted.map((type) => namesOf(type, services)));
    const configResources = wanted.flatMap((resourceType, index) =>
      lists[index]!.map((resourceName) => ({ resourceName, resourceType })),
    );
    return { configResources };
  },
  unreachable: () => ({ errorCode: controllerUnreachable.errorCode }),
});

async function namesOf(type: number, { catalog, controller, settings }: BrokerServices): Promise<readonly string[]> {
  switch (type) {
    case configResources.topic:
      return (await catalog.all()).map(({ name }) => name);
    case configResources.broker:
    case brokerLoggerResource:
      return allNodeIds(settings).map(String);
    case configResources.group:
      return (await controller.configuredResources()).filter((resource) => resource.type === type).map(({ name }) => name);
    default:
      return [];
  }
}
