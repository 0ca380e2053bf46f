/**
 * What is known of the cluster: brokers, topics, who leads which partition. Pure bookkeeping: it takes answers in and says what they
 * changed; asking is the cluster's part. A leader that came with an error (KIP-951) counts only when its epoch is newer.
 */
import type { metadata as metadataApi } from "../../protocol/messages/03-metadata.ts";
import type { ResponseOf } from "../../protocol/schema.ts";
import type { Endpoint } from "./transport.ts";

export type MetadataAnswer = ResponseOf<typeof metadataApi>;

export const zeroId = "00000000-0000-0000-0000-000000000000";

export interface PartitionInfo {
  readonly leader: number;
  readonly leaderEpoch: number;
}

export interface TopicInfo {
  readonly name: string;
  /** All zeros when the broker is too old for ids. */
  readonly id: string;
  readonly isInternal: boolean;
  readonly partitions: readonly PartitionInfo[];
}

export interface BrokerInfo extends Endpoint {
  readonly nodeId: number;
  readonly rack: string | null;
}

type TopicAnswer = MetadataAnswer["topics"][number];

const noLeader: PartitionInfo = { leader: -1, leaderEpoch: -1 };

/** Undefined for what is no topic now. */
export function topicInfo({ name, topicId, errorCode, isInternal, partitions: given }: TopicAnswer): TopicInfo | undefined {
  if (name === null || errorCode !== 0) return undefined;
  const partitions = Array.from(given, () => noLeader);
  for (const { partitionIndex, leaderId, leaderEpoch } of given) partitions[partitionIndex] = { leader: leaderId, leaderEpoch };
  return { name, id: topicId, isInternal, partitions };
}

export class Metadata {
  readonly brokers = new Map<number, BrokerInfo>();
  readonly topics = new Map<string, TopicInfo>();
  readonly #names = new Map<string, string>();
  controllerId = -1;
  clusterId: string | null = null;

  /** The error codes of topics that are none now. */
  update(answer: MetadataAnswer): ReadonlyMap<string, number> {
    this.brokers.clear();
    for (const { nodeId, host, port, rack } of answer.brokers) this.brokers.set(nodeId, { nodeId, host, port, rack });
    this.controllerId = answer.controllerId;
    this.clusterId = answer.clusterId;
    const errors = new Map<string, number>();
    for (const topic of answer.topics) {
      const name = topic.name ?? this.#names.get(topic.topicId);
      if (name === undefined) continue;
      if (topic.errorCode !== 0) {
        errors.set(name, topic.errorCode);
        this.forget(name);
        continue;
      }
      this.topics.set(name, topicInfo({ ...topic, name })!);
      if (topic.topicId !== zeroId) this.#names.set(topic.topicId, name);
    }
    return errors;
  }

  forget(name: string): void {
    const topic = this.topics.get(name);
    if (topic === undefined) return;
    this.topics.delete(name);
    this.#names.delete(topic.id);
  }

  nameOf(topicId: string): string | undefined {
    return this.#names.get(topicId);
  }

  /** −1 when nobody leads it or it isn't known. */
  leaderOf(topic: string, partition: number): number {
    return this.topics.get(topic)?.partitions[partition]?.leader ?? -1;
  }

  /** A refusal may say who leads instead. Answers whether that was news. */
  moveLeader(topic: string, partition: number, leader: PartitionInfo, endpoints: readonly BrokerInfo[]): boolean {
    const known = this.topics.get(topic);
    const before = known?.partitions[partition];
    if (known === undefined || before === undefined || leader.leader < 0 || leader.leaderEpoch <= before.leaderEpoch) return false;
    for (const endpoint of endpoints) this.brokers.set(endpoint.nodeId, endpoint);
    this.topics.set(topic, { ...known, partitions: known.partitions.with(partition, leader) });
    return true;
  }
}
