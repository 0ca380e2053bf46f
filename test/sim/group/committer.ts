/**
 * The offsets of one client: it begins where the group says, goes on from there, now and then seeks back, and commits what it came to.
 * Each commit has a name that travels as its metadata, so that whoever fetches an offset can tell which commit it is.
 */
import type { ClientFacts, OffsetCommitAnswer, OffsetFetchAnswer } from "../../../core/group/requests.ts";
import type { GroupCluster } from "./cluster.ts";

export interface Committing {
  readonly memberId: string;
  /** Generation or member epoch. */
  readonly epoch: number;
  readonly instance: string | null;
  readonly facts: ClientFacts;
}

export class Committer {
  readonly #cluster: GroupCluster;
  readonly #name: string;
  readonly #positions = new Map<number, number>();
  #commits = 0;
  #asks = 0;

  constructor(cluster: GroupCluster, name: string) {
    this.#cluster = cluster;
    this.#name = name;
  }

  commit(owned: Iterable<number>, { memberId, epoch, instance, facts }: Committing): void {
    const { topic, gateway, record, world } = this.#cluster;
    const commit = `${this.#name}#${++this.#commits}`;
    const partitions = Array.from(owned, (partition) => {
      const read = world.random.chance(0.05) ? -world.random.between(0, 20) : world.random.between(1, 10);
      const offset = Math.max(0, (this.#positions.get(partition) ?? 0) + read);
      this.#positions.set(partition, offset);
      return { partition, offset, leaderEpoch: -1, metadata: commit };
    });
    if (partitions.length === 0) return;
    const request = {
      generationId: epoch,
      memberId,
      groupInstanceId: instance,
      retentionTimeMs: -1,
      topics: [{ topicId: topic.topicId, name: topic.name, partitions }],
    };
    gateway.call<OffsetCommitAnswer>({ kind: "offset-commit", request, facts }, (answer) => {
      for (const [index, { partition }] of partitions.entries()) {
        if (answer?.partitionErrors[0]?.[index] === 0) record({ kind: "commit-acknowledged", at: world.now, partition, commit });
      }
    });
  }

  /** `epoch` -1: as one who only looks, or a member of a classic group. */
  fetch(owned: Iterable<number>, memberId: string | null, epoch: number): void {
    const { topic, gateway, record, world } = this.#cluster;
    const ask = `${this.#name}?${++this.#asks}`;
    const topics = [{ topicId: topic.topicId, name: topic.name, partitions: [...owned] }];
    record({ kind: "offsets-asked", at: world.now, ask });
    const request = { memberId, memberEpoch: epoch, topics, requireStable: false };
    gateway.call<OffsetFetchAnswer>({ kind: "offset-fetch", request }, (answer) => {
      if (answer === undefined || answer.errorCode !== 0) return;
      const fetched = answer.topics[0]!.partitions;
      for (const { partition, offset } of fetched) this.#positions.set(partition, Math.max(offset, 0));
      const found = fetched.map(({ partition, metadata }) => ({ partition, commit: metadata }));
      record({ kind: "offsets-fetched", at: world.now, ask, reader: this.#name, found });
    });
  }
}
