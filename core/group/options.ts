/** The settings a group acts on, resolved from the deployment's settings once. */
import type { Settings } from "../settings.ts";

/** In which direction a group may change its protocol while members are there (`group.consumer.migration.policy`). */
export interface MigrationPolicy {
  readonly upgrades: boolean;
  readonly downgrades: boolean;
}

export interface GroupOptions {
  /** Its own name, for messages. */
  readonly groupId: string;
  readonly initialRebalanceDelayMs: number;
  readonly minSessionTimeoutMs: number;
  readonly maxSessionTimeoutMs: number;
  readonly maxSize: number;
  readonly offsetMetadataMaxBytes: number;
  readonly offsetsRetentionMs: number;
  readonly consumerSessionTimeoutMs: number;
  readonly consumerSessionTimeoutRangeMs: readonly [number, number];
  readonly consumerHeartbeatIntervalMs: number;
  readonly consumerHeartbeatIntervalRangeMs: readonly [number, number];
  readonly consumerMaxSize: number;
  readonly migrationPolicy: MigrationPolicy;
}

export function groupOptions(settings: Settings, groupId = ""): GroupOptions {
  const policy = settings["group.consumer.migration.policy"].toLowerCase();
  return {
    groupId,
    initialRebalanceDelayMs: settings["group.initial.rebalance.delay.ms"],
    minSessionTimeoutMs: settings["group.min.session.timeout.ms"],
    maxSessionTimeoutMs: settings["group.max.session.timeout.ms"],
    maxSize: settings["group.max.size"],
    offsetMetadataMaxBytes: settings["offset.metadata.max.bytes"],
    offsetsRetentionMs: settings["offsets.retention.minutes"] * 60_000,
    consumerSessionTimeoutMs: settings["group.consumer.session.timeout.ms"],
    consumerSessionTimeoutRangeMs: [
      settings["group.consumer.min.session.timeout.ms"],
      settings["group.consumer.max.session.timeout.ms"],
    ],
    consumerHeartbeatIntervalMs: settings["group.consumer.heartbeat.interval.ms"],
    consumerHeartbeatIntervalRangeMs: [
      settings["group.consumer.min.heartbeat.interval.ms"],
      settings["group.consumer.max.heartbeat.interval.ms"],
    ],
    consumerMaxSize: settings["group.consumer.max.size"],
    migrationPolicy: {
      upgrades: policy === "bidirectional" || policy === "upgrade",
      downgrades: policy === "bidirectional" || policy === "downgrade",
    },
  };
}
