/** What brokers ask of the controller of their virtual cluster. The Controller Durable Object implements it over RPC. */
import type { TopicEntry } from "./catalog.ts";
import type { TopicId } from "../coordinator.ts";

export interface NewTopic {
  readonly name: string;
  /** -1: the default. */
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly assignments: readonly { readonly partition: number; readonly brokerIds: readonly number[] }[];
  readonly configs: Readonly<Record<string, string | null>>;
}

export type TopicOutcome =
  | { readonly errorCode: 0; readonly topic: TopicEntry }
  | { readonly errorCode: number; readonly errorMessage: string };

export interface ClusterSnapshot {
  readonly clusterId: string;
  readonly version: number;
  readonly topics: readonly TopicEntry[];
}

export interface ControllerClient {
  /** Undefined when the caller's version is still the newest. */
  snapshot(knownVersion: number): Promise<ClusterSnapshot | undefined>;
  createTopics(topics: readonly NewTopic[], validateOnly: boolean): Promise<readonly TopicOutcome[]>;
  deleteTopics(ids: readonly TopicId[]): Promise<readonly { readonly errorCode: number; readonly errorMessage: string | null }[]>;
  /** The epoch of a broker that starts: higher than every one it had. */
  registerBroker(brokerId: number): Promise<{ readonly brokerEpoch: number }>;
  /** A block of producer ids nobody else gets. */
  allocateProducerIds(): Promise<{ readonly first: number; readonly count: number }>;
}
