/**
 * The configs that a group may have of its own in Kafka 4.2. The limits are those of Kafka's broker defaults.
 */
import type { ConfigDefinition } from "./config-values.ts";

const definitions: readonly ConfigDefinition[] = [
  timeout("consumer.heartbeat.interval.ms", 5000, 5000, 15_000, "How often a member of a consumer group is to be heard."),
  timeout("consumer.session.timeout.ms", 45_000, 45_000, 60_000, "How long a member of a consumer group may be silent."),
  choice("share.auto.offset.reset", "latest", ["latest", "earliest"], "Where a share group begins in a partition it has not read."),
  timeout("share.heartbeat.interval.ms", 5000, 5000, 15_000, "How often a member of a share group is to be heard."),
  choice(
    "share.isolation.level",
    "read_uncommitted",
    ["read_uncommitted", "read_committed"],
    "Whether a share group sees open transactions.",
  ),
  timeout("share.record.lock.duration.ms", 30_000, 15_000, 60_000, "How long a member of a share group holds a record."),
  { ...flag("share.renew.acknowledge.enable", "true"), doc: "Whether a member may renew its hold on a record." },
  timeout("share.session.timeout.ms", 45_000, 45_000, 60_000, "How long a member of a share group may be silent."),
  timeout("streams.heartbeat.interval.ms", 5000, 5000, 15_000, "How often a member of a streams group is to be heard."),
  {
    ...timeout(
      "streams.initial.rebalance.delay.ms",
      3000,
      0,
      2_147_483_647,
      "How long the first rebalance of a streams group waits.",
    ),
    max: undefined,
  },
  { ...timeout("streams.num.standby.replicas", 0, 0, 2, "Standby tasks of a streams group."), synonyms: [] },
  timeout("streams.session.timeout.ms", 45_000, 45_000, 60_000, "How long a member of a streams group may be silent."),
];

function timeout(name: string, value: number, min: number, max: number, doc: string): ConfigDefinition {
  return { name, type: "int", default: String(value), min, max, synonyms: [`group.${name}`], doc };
}

function choice(name: string, value: string, oneOf: readonly string[], doc: string): ConfigDefinition {
  return { name, type: "string", default: value, oneOf, synonyms: [], doc };
}

function flag(name: string, value: string): Omit<ConfigDefinition, "doc"> {
  return { name, type: "boolean", default: value, synonyms: [] };
}

/** By name, in alphabetical order. */
export const groupConfigs: ReadonlyMap<string, ConfigDefinition> = new Map(
  definitions.map((definition) => [definition.name, definition]),
);
