/**
 * Which resources have configs, by Kafka's numbers, and the questions that all config APIs ask of a resource before anything else.
 */
import { configResources } from "../../core/cluster/config-table.ts";
import type { Outcome } from "../../core/cluster/controller-client.ts";
import { allNodeIds } from "../../core/cluster/placement.ts";
import type { Settings } from "../../core/settings.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { repeated } from "./repeated.ts";

export const clientMetricsResource = 16;
export const brokerLoggerResource = 8;

export interface ResourceId {
  readonly resourceType: number;
  readonly resourceName: string;
}

/** Any broker may speak for any other; that there is one of this id is all that counts. The empty name stands for all of them. */
export function unknownBroker(name: string, settings: Settings, noun = "Node"): string | undefined {
  if (name === "") return undefined;
  if (!/^-?\d+$/.test(name)) return `${noun} id must be an integer, but it is: ${name}`;
  const ids = allNodeIds(settings);
  return ids.includes(Number(name)) ? undefined : `Unexpected broker id, expected one of ${ids.join(", ")}, but received ${name}`;
}

interface Altered extends ResourceId {
  readonly configs: readonly { readonly name: string; readonly value: string | null }[];
}

/** Which resources a request names more than once. */
export function repeatedResources(all: readonly ResourceId[]): (resource: ResourceId) => boolean {
  const keyOf = ({ resourceType, resourceName }: ResourceId) => `${resourceType} ${resourceName}`;
  const twice = repeated(all.map(keyOf));
  return (resource) => twice.has(keyOf(resource));
}

/** What is wrong with the form of an alteration, as Kafka's brokers say it before they ask the controller. */
export function malformedAlteration<Resource extends Altered>(
  resource: Resource,
  isRepeated: (resource: ResourceId) => boolean,
  settings: Settings,
  needsValue: (config: Resource["configs"][number]) => boolean,
): Outcome | undefined {
  const refuse = (errorMessage: string): Outcome => ({ errorCode: errorCodes.INVALID_REQUEST, errorMessage });
  const { resourceType, resourceName, configs } = resource;
  if (isRepeated(resource)) return refuse("Each resource must appear at most once.");
  if (new Set(configs.map(({ name }) => name)).size < configs.length) return refuse("Error due to duplicate config keys");
  const nulls = configs.filter((config) => config.value === null && needsValue(config)).map(({ name }) => name);
  if (nulls.length > 0) return refuse(`Null value not supported for : ${nulls.join(", ")}`);
  const types: readonly number[] = Object.values(configResources);
  if (!types.includes(resourceType)) return refuse(`Unknown resource type ${resourceType}`);
  const unknown = resourceType === configResources.broker ? unknownBroker(resourceName, settings) : undefined;
  return unknown === undefined ? undefined : refuse(unknown);
}
