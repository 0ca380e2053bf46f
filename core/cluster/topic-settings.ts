/**
 * From the configs that were set on a topic to the values the hot path acts on, and the checks that concern more than one value.
 * The order of defaults is Kafka's: topic, broker settings, built in.
 */
import { leaderSettings, type LeaderSettings } from "../cell/partition-settings.ts";
import type { Settings } from "../settings.ts";
import type { TopicEntry } from "./catalog.ts";
import { invalidConfigValue, listItems } from "./config-values.ts";
import { topicConfigs } from "./topic-configs.ts";

export type TopicConfigs = Readonly<Record<string, string>>;

/** `defaults` are topic configs altered for the whole cluster. */
export function effectiveSettings(
  configs: TopicConfigs,
  defaults: TopicConfigs,
  settings: Pick<Settings, "message.max.bytes">,
): TopicEntry["effective"] {
  const value = (name: string) => configs[name] ?? defaults[name] ?? topicConfigs.get(name)?.default ?? "";
  const milliseconds = (name: string) => Math.min(Number(value(name)), Number.MAX_SAFE_INTEGER);
  const maxMessageBytes = configs["max.message.bytes"] ?? defaults["max.message.bytes"];
  return {
    timestampType: value("message.timestamp.type") === "LogAppendTime" ? "LogAppendTime" : "CreateTime",
    maxMessageBytes: maxMessageBytes === undefined ? settings["message.max.bytes"] : Number(maxMessageBytes),
    compacted: listItems(value("cleanup.policy")).includes("compact"),
    timestampBeforeMaxMs: milliseconds("message.timestamp.before.max.ms"),
    timestampAfterMaxMs: milliseconds("message.timestamp.after.max.ms"),
    compressionType: value("compression.type"),
  };
}

/** What leaders act on. */
export function partitionSettings(configs: TopicConfigs, defaults: TopicConfigs): LeaderSettings {
  const value = (name: string) => configs[name] ?? defaults[name] ?? topicConfigs.get(name)?.default ?? "";
  const policies = listItems(value("cleanup.policy"));
  const [deletes, compacts] = [policies.includes("delete"), policies.includes("compact")];
  return leaderSettings({
    timestampType: value("message.timestamp.type") === "LogAppendTime" ? "LogAppendTime" : "CreateTime",
    cleanupPolicy: deletes && compacts ? "compact,delete" : compacts ? "compact" : deletes ? "delete" : "none",
    retentionMs: Number(value("retention.ms")),
    retentionBytes: Math.max(-1, Number(value("retention.bytes"))),
    segmentBytes: Number(value("segment.bytes")),
    segmentMs: Number(value("segment.ms")),
    minCleanableDirtyMillionths: Math.round(Number(value("min.cleanable.dirty.ratio")) * 1_000_000),
    deleteRetentionMs: Number(value("delete.retention.ms")),
    minCompactionLagMs: Number(value("min.compaction.lag.ms")),
    maxCompactionLagMs: Number(value("max.compaction.lag.ms")),
  });
}

/** What a broker decides by itself may be altered for it alone; what leaders act on holds for all. */
const brokersOwn = [
  "compression.type",
  "max.message.bytes",
  "message.timestamp.after.max.ms",
  "message.timestamp.before.max.ms",
] as const;

/** Of the topic configs altered for one broker, those that hold there. */
export function brokersOwnDefaults(altered: TopicConfigs): TopicConfigs {
  return Object.fromEntries(brokersOwn.flatMap((name) => (altered[name] === undefined ? [] : [[name, altered[name]]])));
}

/** The topic as a broker sees it for which defaults of its own were set. */
export function topicAtBroker(topic: TopicEntry, own: TopicConfigs, defaults: TopicConfigs): TopicEntry {
  // The deployment's own maximum is in the controller's answer already.
  const settings = { "message.max.bytes": topic.effective.maxMessageBytes };
  const { maxMessageBytes, timestampBeforeMaxMs, timestampAfterMaxMs, compressionType } = effectiveSettings(
    topic.configs,
    { ...defaults, ...own },
    settings,
  );
  return {
    ...topic,
    effective: { ...topic.effective, maxMessageBytes, timestampBeforeMaxMs, timestampAfterMaxMs, compressionType },
  };
}

/** What is wrong with a topic's whole set of configs, as Kafka says it; undefined when nothing is. */
export function invalidTopicConfigs(configs: Readonly<Record<string, string | null>>): string | undefined {
  const nulls = Object.keys(configs).filter((name) => configs[name] === null);
  if (nulls.length > 0) return `Null value not supported for topic configs: ${nulls.sort().join(",")}`;
  for (const [name, value] of Object.entries(configs)) {
    const definition = topicConfigs.get(name);
    if (definition === undefined) return `Unknown topic config name: ${name}`;
    const reason = invalidConfigValue(definition, value ?? "");
    if (reason !== undefined) return reason;
  }
  return conflict(configs as TopicConfigs);
}

function conflict(configs: TopicConfigs): string | undefined {
  const lag = (end: "min" | "max") =>
    configs[`${end}.compaction.lag.ms`] ?? topicConfigs.get(`${end}.compaction.lag.ms`)?.default ?? "0";
  if (BigInt(lag("min").trim()) > BigInt(lag("max").trim())) {
    return `conflict topic config setting min.compaction.lag.ms (${lag("min")}) > max.compaction.lag.ms (${lag("max")})`;
  }
  if (configs["remote.storage.enable"]?.trim().toLowerCase() === "true") {
    return "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.";
  }
  return undefined;
}
