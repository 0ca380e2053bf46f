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

/** What a broker is told of itself in Kafka's configuration file, and what holds here whatever is configured. */
const facts: readonly (readonly [name: string, type: ConfigType, value: string | null, doc: string])[] = [
  ["advertised.listeners", "string", null, "Where clients of this connection are told to find the broker."],
  ["broker.id", "int", null, "The broker's node id."],
  ["default.replication.factor", "int", "1", "Partitions have one replica; the object store keeps it safe."],
  ["delete.topic.enable", "boolean", "true", "Topics can always be deleted."],
  ["node.id", "int", null, "The broker's node id."],
];

function ofFacts(): ConfigDefinition[] {
  return facts.map(([name, type, value, doc]) => ({
    name,
    type,
    default: value,
    synonyms: [],
    dynamic: false,
    doc,
    ...(value === null ? { isUnnamedDefault: true } : {}),
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
  [...new Map([...ofSettings(), ...ofFacts(), ...ofTopicConfigs()].map((definition) => [definition.name, definition]))].sort(
    ([a], [b]) => (a < b ? -1 : 1),
  ),
);
