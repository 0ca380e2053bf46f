/**
 * What a member of a group and its consumer say to each other. The member talks to the coordinator and decides when partitions come
 * and go; the consumer lets go of them in good order (the caller's last record, a commit, the callbacks) before the member goes on.
 */
import type { GroupMetadata } from "../producer/transactions.ts";
import type { TopicPartition } from "../records/record.ts";
import type { Cluster } from "../wire/cluster.ts";

export interface MemberHost {
  readonly cluster: Cluster;
  readonly groupId: string;
  readonly groupInstanceId: string | null;
  readonly topics: readonly string[];
  readonly sessionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  readonly rebalanceTimeoutMs: number;
  /** A connection of its own: joins wait long, and answers keep the order of requests. */
  readonly lane: string;
  owned(): readonly TopicPartition[];
  assigned(partitions: readonly TopicPartition[]): Promise<void>;
  /** Resolves when the caller is done with them and their offsets are committed. */
  revoked(partitions: readonly TopicPartition[]): Promise<void>;
  /** They may belong to somebody else already. */
  lost(partitions: readonly TopicPartition[]): Promise<void>;
  /** Nothing more can be done: the caller is told. */
  failed(error: Error): void;
}

export interface Member {
  readonly metadata: GroupMetadata;
  start(): void;
  /** Leaves the group, so that others need not wait for the session to end. */
  leave(): Promise<void>;
}

/** Those of the first list that are not in the second. */
export function without(partitions: readonly TopicPartition[], others: readonly TopicPartition[]): TopicPartition[] {
  return partitions.filter(
    ({ topic, partition }) => !others.some((other) => other.partition === partition && other.topic === topic),
  );
}
