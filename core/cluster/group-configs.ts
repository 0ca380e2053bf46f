/**
 * The configs that a group may have of its own in Kafka 4.2. Those of consumer groups are acted on and held to the limits that the
 * deployment sets; the limits of the others are Kafka's defaults.
 */
import { settingDefaults, type SettingName, type Settings } from "../settings.ts";
import type { ConfigDefinition } from "./config-values.ts";

const heartbeatInterval = "consumer.heartbeat.interval.ms";
const sessionTimeout = "consumer.session.timeout.ms";

const definitions: readonly ConfigDefinition[] = [
  { ...timeout(heartbeatInterval, 5000, 1, 0, "How often a member of a consumer group is to be heard."), max: undefined },
  { ...timeout(sessionTimeout, 45_000, 1, 0, "How long a member of a consumer group may be silent."), max: undefined },
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
  timeout("streams.num.standby.replicas", 0, 0, 2, "Standby tasks of a streams group."),
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

/** Each with the setting whose value it stands for and the two that bound it. */
const bounded = [heartbeatInterval, sessionTimeout].map((name) => {
  const [, ...words] = name.split(".");
  const rest = words.join(".");
  const setting = (prefix: string) => `group.consumer.${prefix}${rest}` as SettingName;
  return { name, setting: setting(""), least: setting("min."), most: setting("max.") };
});

/** Kafka's sentence about values that this deployment does not allow; undefined for good ones. */
export function invalidGroupConfigs(configs: Readonly<Record<string, string>>, settings: Settings): string | undefined {
  for (const { name, setting, least, most } of bounded) {
    const value = Number(configs[name] ?? settings[setting]);
    if (value < Number(settings[least])) return `${name} must be greater than or equal to ${least}`;
    if (value > Number(settings[most])) return `${name} must be less than or equal to ${most}`;
  }
  const [heartbeat, session] = bounded.map(({ name, setting }) => Number(configs[name] ?? settings[setting]));
  return session! <= heartbeat! ? `${sessionTimeout} must be greater than ${heartbeatInterval}` : undefined;
}

/** What groups have that set nothing of their own, where the deployment chose it. */
export function chosenGroupDefaults(settings: Settings): Readonly<Record<string, string>> {
  const chosen = bounded.filter(({ setting }) => settings[setting] !== settingDefaults[setting]);
  return Object.fromEntries(chosen.map(({ name, setting }) => [name, String(settings[setting])]));
}
