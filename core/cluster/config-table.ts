/**
 * What was set on brokers and groups, and what an alteration of any resource comes to. Topics keep their configs in their own
 * rows; everything else has a row here. Checks, order and words are Kafka's.
 */
import { errorCodes } from "../../protocol/errors.ts";
import { brokerConfigs } from "./broker-configs.ts";
import { invalidConfigValue, listItems } from "./config-values.ts";
import type { ConfigDefinition } from "./config-values.ts";
import type { ConfigAlteration, ConfigResource, ConfiguredResource, Outcome } from "./controller-client.ts";
import { configKey, putRow } from "./controller-rows.ts";
import type { RowChange } from "./controller-rows.ts";
import { groupConfigs } from "./group-configs.ts";
import { refuse } from "./new-topics.ts";
import { topicConfigs } from "./topic-configs.ts";
import { invalidTopicName } from "./topic-names.ts";
import { invalidTopicConfigs } from "./topic-settings.ts";

type Configs = Readonly<Record<string, string>>;

/** Kafka's numbers. */
export const configResources = { topic: 2, broker: 4, group: 32 } as const;

const definitionsOf: ReadonlyMap<number, ReadonlyMap<string, ConfigDefinition>> = new Map([
  [configResources.topic, topicConfigs],
  [configResources.broker, brokerConfigs],
  [configResources.group, groupConfigs],
]);
const operations = ["SET", "DELETE", "APPEND", "SUBTRACT"] as const;

export class ConfigTable {
  readonly #resources = new Map<string, ConfiguredResource>();

  load(key: string, value: string): void {
    const match = /^config\/(?<type>\d+)\/(?<name>.*)$/s.exec(key);
    if (match?.groups === undefined) throw new Error(`a row that no controller writes: ${key}`);
    const resource = { type: Number(match.groups["type"]), name: match.groups["name"]! };
    this.#resources.set(key, { ...resource, configs: JSON.parse(value) as Configs });
  }

  all(): readonly ConfiguredResource[] {
    return [...this.#resources.values()];
  }

  /** What was set on each group, by its name. */
  ofGroups(): Readonly<Record<string, Configs>> {
    const groups = this.all().filter(({ type }) => type === configResources.group);
    return Object.fromEntries(groups.map(({ name, configs }) => [name, configs]));
  }

  /** Topic configs that were altered for the whole cluster, by the topic's name of them. */
  topicDefaults(): Configs {
    return topicConfigsOf(this.#resources.get(configKey(configResources.broker, ""))?.configs ?? {});
  }

  /** The same for single brokers, by node id. */
  brokerDefaults(): Readonly<Record<string, Configs>> {
    const brokers = this.all().filter(({ type, name }) => type === configResources.broker && name !== "");
    return Object.fromEntries(brokers.map(({ name, configs }) => [name, topicConfigsOf(configs)]));
  }

  /** What the resource's configs would become, or Kafka's refusal. Changes nothing. */
  decide(
    alteration: ConfigAlteration,
    topicConfigsOf: (name: string) => Configs | undefined,
  ): { readonly configs: Configs } | Outcome {
    const definitions = definitionsOf.get(alteration.type);
    if (definitions === undefined) return refuse(errorCodes.INVALID_REQUEST, `Unknown resource type ${alteration.type}`);
    const misnamed = misnamedResource(alteration);
    if (misnamed !== undefined) return misnamed;
    const isTopic = alteration.type === configResources.topic;
    const current = isTopic
      ? topicConfigsOf(alteration.name)
      : this.#resources.get(configKey(alteration.type, alteration.name))?.configs;
    const altered = alteredConfigs(alteration, current ?? {}, definitions);
    if (!(altered instanceof Map)) return altered;
    const configs: Configs = Object.fromEntries(altered);
    const invalid = isTopic ? invalidTopicConfigs(configs) : invalidConfigs(alteration.type, configs, definitions);
    if (typeof invalid === "string") return refuse(errorCodes.INVALID_CONFIG, invalid);
    if (invalid !== undefined) return invalid;
    if (isTopic && current === undefined) {
      return refuse(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, `The topic '${alteration.name}' does not exist.`);
    }
    return { configs };
  }

  set(resource: ConfigResource, configs: Configs): readonly RowChange[] {
    const key = configKey(resource.type, resource.name);
    if (Object.keys(configs).length === 0) {
      return this.#resources.delete(key) ? [{ key, value: null }] : [];
    }
    this.#resources.set(key, { type: resource.type, name: resource.name, configs });
    return [putRow(key, configs)];
  }
}

/** What was set on a broker, as far as it is the default of a topic config, by the topic's name of it. */
function topicConfigsOf(altered: Configs): Configs {
  const defaults = Object.entries(altered).map(([name, value]) => [brokerConfigs.get(name)?.topicConfig, value] as const);
  return Object.fromEntries(defaults.filter((pair): pair is [string, string] => pair[0] !== undefined));
}

function misnamedResource({ type, name }: ConfigResource): Outcome | undefined {
  if (type === configResources.topic) {
    if (name === "") return refuse(errorCodes.INVALID_REQUEST, "Default topic resources are not allowed.");
    const invalid = invalidTopicName(name);
    return invalid === undefined ? undefined : refuse(errorCodes.INVALID_TOPIC_EXCEPTION, invalid);
  }
  if (type === configResources.broker && name !== "") {
    if (!/^-?\d+$/.test(name)) return refuse(errorCodes.INVALID_REQUEST, "Unable to parse broker name as a base 10 number.");
    if (name.startsWith("-")) return refuse(errorCodes.INVALID_REQUEST, "Invalid negative broker ID.");
  }
  if (type === configResources.group && name === "") {
    return refuse(errorCodes.INVALID_REQUEST, "Default group resources are not allowed.");
  }
  return undefined;
}

function alteredConfigs(
  alteration: ConfigAlteration,
  current: Configs,
  definitions: ReadonlyMap<string, ConfigDefinition>,
): Map<string, string> | Outcome {
  const configs = new Map(alteration.replace ? [] : Object.entries(current));
  for (const { name, operation, value } of alteration.changes) {
    const verb = operations[operation];
    if (verb === undefined) return refuse(errorCodes.INVALID_REQUEST, `Unknown operations type ${operation}`);
    if (verb === "DELETE") {
      configs.delete(name);
    } else if (verb === "SET") {
      configs.set(name, (value ?? "").trim());
    } else {
      const definition = definitions.get(name);
      if (definition?.type !== "list") {
        return refuse(errorCodes.INVALID_CONFIG, `Can't ${verb} to key ${name} because its type is not LIST.`);
      }
      const before = listItems(configs.get(name) ?? definition.default ?? "");
      configs.set(name, alteredList(before, listItems(value ?? ""), verb).join(","));
    }
  }
  return configs;
}

function alteredList(before: readonly string[], given: readonly string[], verb: "APPEND" | "SUBTRACT"): readonly string[] {
  return verb === "APPEND" ? [...new Set([...before, ...given])] : before.filter((item) => !given.includes(item));
}

function invalidConfigs(
  type: number,
  configs: Configs,
  definitions: ReadonlyMap<string, ConfigDefinition>,
): string | Outcome | undefined {
  for (const [name, value] of Object.entries(configs)) {
    const definition = definitions.get(name);
    if (type === configResources.broker && definition?.dynamic !== true) {
      return refuse(errorCodes.INVALID_REQUEST, `Cannot update these configs dynamically: [${name}]`);
    }
    if (definition === undefined) return `Unknown group config name: ${name}`;
    const reason = invalidConfigValue(definition, value);
    if (reason !== undefined) return type === configResources.broker ? refuse(errorCodes.INVALID_REQUEST, reason) : reason;
  }
  return undefined;
}
