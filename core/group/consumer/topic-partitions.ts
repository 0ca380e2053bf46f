/** A set of partitions of several topics, by topic id: what a member owns, has to give up, or is meant to get. */
import type { TopicId } from "../../coordinator.ts";
import type { ByteReader, ByteWriter } from "../bytes.ts";

export interface PartitionsOfTopic {
  readonly topicId: TopicId;
  readonly partitions: readonly number[];
}

export class TopicPartitions {
  readonly #topics = new Map<TopicId, Set<number>>();
  #size = 0;

  static of(topics: Iterable<PartitionsOfTopic>): TopicPartitions {
    const made = new TopicPartitions();
    for (const { topicId, partitions } of topics) for (const partition of partitions) made.add(topicId, partition);
    return made;
  }

  get size(): number {
    return this.#size;
  }

  has(topicId: TopicId, partition: number): boolean {
    return this.#topics.get(topicId)?.has(partition) ?? false;
  }

  add(topicId: TopicId, partition: number): void {
    let partitions = this.#topics.get(topicId);
    if (partitions === undefined) this.#topics.set(topicId, (partitions = new Set()));
    if (partitions.has(partition)) return;
    partitions.add(partition);
    this.#size++;
  }

  delete(topicId: TopicId, partition: number): void {
    const partitions = this.#topics.get(topicId);
    if (!partitions?.delete(partition)) return;
    this.#size--;
    if (partitions.size === 0) this.#topics.delete(topicId);
  }

  *[Symbol.iterator](): Generator<readonly [topicId: TopicId, partition: number]> {
    for (const [topicId, partitions] of this.#topics) for (const partition of partitions) yield [topicId, partition];
  }

  filter(keep: (topicId: TopicId, partition: number) => boolean): TopicPartitions {
    const kept = new TopicPartitions();
    for (const [topicId, partition] of this) if (keep(topicId, partition)) kept.add(topicId, partition);
    return kept;
  }

  within(other: TopicPartitions): TopicPartitions {
    return this.filter((topicId, partition) => other.has(topicId, partition));
  }

  without(other: TopicPartitions): TopicPartitions {
    return this.filter((topicId, partition) => !other.has(topicId, partition));
  }

  union(other: TopicPartitions): TopicPartitions {
    const both = this.filter(() => true);
    for (const [topicId, partition] of other) both.add(topicId, partition);
    return both;
  }

  equals(other: TopicPartitions): boolean {
    return this.#size === other.#size && this.within(other).size === this.#size;
  }

  /** Sorted, as answers show it. */
  list(): PartitionsOfTopic[] {
    return Array.from(this.#topics, ([topicId, partitions]) => ({
      topicId,
      partitions: [...partitions].sort((left, right) => left - right),
    }));
  }

  write(writer: ByteWriter): void {
    const topics = this.list();
    writer.list(topics, topics.length, ({ topicId, partitions }) =>
      writer.string(topicId).list(partitions, partitions.length, (partition) => writer.int(partition)),
    );
  }

  static read(reader: ByteReader): TopicPartitions {
    return TopicPartitions.of(reader.list(() => ({ topicId: reader.string(), partitions: reader.list(() => reader.int()) })));
  }
}
