/**
 * The configs of a broker: the deployment's settings, which only a deployment changes, and Kafka's broker-wide defaults of topic
 * configs, which may be altered for the whole cluster while it runs and then hold for every topic that sets nothing of its own.
 */
import { settingDefaults } from "../settings.ts";
import type { ConfigDefinition, ConfigType } from "./config-values.ts";
import { topicConfigs } from "./topic-configs.ts";

/** Kafka keeps these two fixed while a broker runs. */
const fixedSynonyms: ReadonlySet<string> = new Set(["log.roll.hours", "log.retention.hours"]);

function ofTopicConfigs(): ConfigDefinition[] {
  const definitions: ConfigDefinition[] = [];
  for (const definition of topicConfigs.values()) {
    const [name] = definition.synonyms;
    if (name === undefined) continue;
    definitions.push({ ...definition, name, synonyms: [], dynamic: !fixedSynonyms.has(name), topicConfig: definition.name });
  }
  return definitions;
}

function ofSettings(): ConfigDefinition[] {
  return Object.entries(settingDefaults).map(([name, value]) => ({
    name,
    type: typeOf(name, value),
    default: String(value),
    synonyms: [],
    dynamic: false,
    doc: "Set by the deployment.",
  }));
}

/** Kafka's types where the name is Kafka's: nearly all its numbers are INT. */
function typeOf(name: string, value: number | string | boolean): ConfigType {
  if (typeof value === "boolean") return "boolean";
  if (typeof value === "string") return "string";
  return name === "connections.max.idle.ms" ? "long" : "int";
}

/** By name, in alphabetical order. A name that is both counts as the topics' default. */
export const brokerConfigs: ReadonlyMap<string, ConfigDefinition> = new Map(
  [...new Map([...ofSettings(), ...ofTopicConfigs()].map((definition) => [definition.name, definition]))].sort(([a], [b]) =>
    a < b ? -1 : 1,
  ),
);
