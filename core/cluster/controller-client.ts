/** What brokers ask of the controller of their virtual cluster. The Controller Durable Object implements it over RPC. */
import type { TopicEntry } from "./catalog.ts";
import type { TopicId } from "../coordinator.ts";
import type { GroupIndex } from "../group/group-index.ts";
import type { TransactionIndex } from "../transaction/transaction-index.ts";
import type { ClientQuota } from "../quota/quota-entities.ts";
import type { QuotaAlteration, QuotaOutcome } from "../quota/quota-table.ts";

export interface NewTopic {
  readonly name: string;
  /** -1: the default. */
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly assignments: readonly { readonly partition: number; readonly brokerIds: readonly number[] }[];
  readonly configs: Readonly<Record<string, string | null>>;
}

/** Partitions to add: `count` is how many the topic is to have in the end. */
export interface NewPartitions {
  readonly name: string;
  readonly count: number;
  readonly assignments: readonly (readonly number[])[] | null;
}

export type TopicOutcome =
  | { readonly errorCode: 0; readonly topic: TopicEntry }
  | { readonly errorCode: number; readonly errorMessage: string };

export interface Outcome {
  readonly errorCode: number;
  readonly errorMessage: string | null;
}

/** Kafka's numbers: 2 a topic, 4 a broker (no name: all of them), 32 a group. */
export interface ConfigResource {
  readonly type: number;
  readonly name: string;
}

export interface ConfigAlteration extends ConfigResource {
  /** True: what is not named goes back to its default (AlterConfigs); false: only what is named changes. */
  readonly replace: boolean;
  /** Kafka's numbers: 0 set, 1 delete, 2 append, 3 subtract. */
  readonly changes: readonly { readonly name: string; readonly operation: number; readonly value: string | null }[];
}

/** What was set on a resource, defaults left out. */
export interface ConfiguredResource extends ConfigResource {
  readonly configs: Readonly<Record<string, string>>;
}

export interface ClusterSnapshot {
  readonly clusterId: string;
  readonly version: number;
  /** Topic configs altered for the whole cluster. */
  readonly topicDefaults: Readonly<Record<string, string>>;
  /** What was set on groups, by their names. */
  readonly groupConfigs: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Topic configs altered for single brokers, by node id. */
  readonly brokerDefaults: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly quotas: readonly ClientQuota[];
  readonly topics: readonly TopicEntry[];
}

export interface ControllerClient extends GroupIndex, TransactionIndex {
  /** Undefined when the caller's version is still the newest. */
  snapshot(knownVersion: number): Promise<ClusterSnapshot | undefined>;
  createTopics(topics: readonly NewTopic[], validateOnly: boolean): Promise<readonly TopicOutcome[]>;
  deleteTopics(ids: readonly TopicId[]): Promise<readonly Outcome[]>;
  createPartitions(requests: readonly NewPartitions[], validateOnly: boolean): Promise<readonly Outcome[]>;
  alterConfigs(alterations: readonly ConfigAlteration[], validateOnly: boolean): Promise<readonly Outcome[]>;
  /** One outcome an entity. */
  alterClientQuotas(alterations: readonly QuotaAlteration[], validateOnly: boolean): Promise<readonly QuotaOutcome[]>;
  /** Brokers and groups on which something was set; topics carry theirs in the snapshot. */
  configuredResources(): Promise<readonly ConfiguredResource[]>;
  /** The epoch of a broker that starts: higher than every one it had. */
  registerBroker(brokerId: number): Promise<{ readonly brokerEpoch: number }>;
  /** A block of producer ids nobody else gets. */
  allocateProducerIds(): Promise<{ readonly first: number; readonly count: number }>;
}
