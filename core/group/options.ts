/** The settings a group acts on, resolved from the deployment's settings once. */
import type { Settings } from "../settings.ts";

export interface GroupOptions {
  readonly initialRebalanceDelayMs: number;
  readonly minSessionTimeoutMs: number;
  readonly maxSessionTimeoutMs: number;
  readonly maxSize: number;
  readonly offsetMetadataMaxBytes: number;
  readonly offsetsRetentionMs: number;
  readonly consumerSessionTimeoutMs: number;
  readonly consumerHeartbeatIntervalMs: number;
  readonly consumerMaxSize: number;
}

export function groupOptions(settings: Settings): GroupOptions {
  return {
    initialRebalanceDelayMs: settings["group.initial.rebalance.delay.ms"],
    minSessionTimeoutMs: settings["group.min.session.timeout.ms"],
    maxSessionTimeoutMs: settings["group.max.session.timeout.ms"],
    maxSize: settings["group.max.size"],
    offsetMetadataMaxBytes: settings["offset.metadata.max.bytes"],
    offsetsRetentionMs: settings["offsets.retention.minutes"] * 60_000,
    consumerSessionTimeoutMs: settings["group.consumer.session.timeout.ms"],
    consumerHeartbeatIntervalMs: settings["group.consumer.heartbeat.interval.ms"],
    consumerMaxSize: settings["group.consumer.max.size"],
  };
}
