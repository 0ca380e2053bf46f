/**
 * What a broker knows of the cluster's topics: a copy of the controller's state, refreshed when a request names something it
 * does not know, when a client asks for metadata, or when a leader says that a partition is gone.
 */
import type { PartitionSettings, TopicId } from "../coordinator.ts";
import type { ClientQuota } from "../quota/quota-entities.ts";

export interface TopicEntry {
  readonly name: string;
  readonly id: TopicId;
  readonly internal: boolean;
  /** Index is the partition number. */
  readonly partitions: readonly { readonly cell: number; readonly leaderEpoch: number }[];
  /** Only what was set on the topic; the rest are defaults. */
  readonly configs: Readonly<Record<string, string>>;
  /** The few values that every produce needs, resolved. */
  readonly effective: Pick<PartitionSettings, "timestampType"> & {
    readonly maxMessageBytes: number;
    readonly compacted: boolean;
    readonly timestampBeforeMaxMs: number;
    readonly timestampAfterMaxMs: number;
    readonly compressionType: string;
  };
}

export interface TopicCatalog {
  /** Stable; Kafka's 22 character form. Empty only until the controller has answered for the first time. */
  readonly clusterId: string;
  /** The version of what is known; 0 until the controller has answered for the first time. */
  readonly version: number;
  /** Topic configs that were altered for the whole cluster: what holds for topics that set nothing of their own. */
  readonly topicDefaults: Readonly<Record<string, string>>;
  /** Those that were altered for this broker, and hold here. */
  readonly ownDefaults: Readonly<Record<string, string>>;
  /** What clients are held to; the same list until the controller has told of another. */
  readonly quotas: readonly ClientQuota[];
  /** From memory, refreshed from the controller once when unknown. */
  byName(name: string): Promise<TopicEntry | undefined>;
  byId(id: TopicId): Promise<TopicEntry | undefined>;
  /** All topics, fresh from the controller, sorted by name. */
  all(): Promise<readonly TopicEntry[]>;
  /** Known now without a call: the hot path of produce and fetch. */
  knownByName(name: string): TopicEntry | undefined;
  knownById(id: TopicId): TopicEntry | undefined;
  /** As the controller last answered, whatever was found stale since: for those who have just waited for `all`. */
  lastByName(name: string): TopicEntry | undefined;
  lastById(id: TopicId): TopicEntry | undefined;
  /** A leader said that it does not know the partition: look again before the next answer. */
  invalidate(): void;
}
