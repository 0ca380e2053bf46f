/**
 * The committed offsets of a group, by topic id: a topic that was deleted and made anew has another id and therefore no offsets.
 * One commit request is one row, however many partitions it names (D6); the newest row of a partition wins.
 */
import type { TopicId } from "../coordinator.ts";
import { ByteWriter, intMax, type ByteReader } from "./bytes.ts";
import { type CommittedTopics, readCommittedTopics, writeCommittedTopics } from "./committed-topics.ts";
import { offsetsKind } from "./entries.ts";
import { errorCodes } from "../../protocol/errors.ts";
import type { FetchedPartition, OffsetCommitRequest, OffsetFetchAnswer, OffsetFetchRequest } from "./requests.ts";

export interface CommittedOffset {
  readonly offset: number;
  readonly leaderEpoch: number;
  readonly metadata: string;
  readonly commitTimestamp: number;
  /** -1: the group's retention counts. */
  readonly expireTimestamp: number;
}

interface TopicOffsets {
  readonly name: string;
  readonly partitions: Map<number, CommittedOffset>;
}

export interface OffsetKeys {
  readonly topicId: TopicId;
  readonly partitions: readonly number[];
}

/** Whether a transaction that is still open has an offset of this partition. */
export type IsUnstable = (topicId: TopicId, partition: number) => boolean;

export class Offsets {
  readonly #topics = new Map<TopicId, TopicOffsets>();

  get isEmpty(): boolean {
    return this.#topics.size === 0;
  }

  topicIds(): TopicId[] {
    return [...this.#topics.keys()];
  }

  get(topicId: TopicId, partition: number): CommittedOffset | undefined {
    return this.#topics.get(topicId)?.partitions.get(partition);
  }

  clear(): void {
    this.#topics.clear();
  }

  fetch({ topics, requireStable }: OffsetFetchRequest, isUnstable: IsUnstable): OffsetFetchAnswer["topics"] {
    const asked =
      topics ??
      Array.from(this.#topics, ([topicId, { name, partitions }]) => ({ topicId, name, partitions: [...partitions.keys()] }));
    return asked.map(({ topicId, name, partitions }) => ({
      topicId,
      name,
      partitions: partitions.map((partition) =>
        requireStable && isUnstable(topicId, partition)
          ? fetched(partition, undefined, errorCodes.UNSTABLE_OFFSET_COMMIT)
          : fetched(partition, this.get(topicId, partition), errorCodes.NONE),
      ),
    }));
  }

  /** Applies what fits and answers the row for it; undefined when nothing was committed. */
  commit(
    request: Pick<OffsetCommitRequest, "topics" | "retentionTimeMs">,
    metadataMax: number,
    now: number,
  ): { readonly partitionErrors: number[][]; readonly entry: Uint8Array | undefined } {
    const { partitionErrors, topics } = acceptable(request.topics, metadataMax);
    if (topics.length === 0) return { partitionErrors, entry: undefined };
    const expireTimestamp = request.retentionTimeMs < 0 ? -1 : Math.min(now + request.retentionTimeMs, intMax);
    const entry = commitEntry(topics, now, expireTimestamp);
    this.#setAll(topics, now, expireTimestamp);
    return { partitionErrors, entry };
  }

  /** The transaction they came with has committed. What was committed since they came is newer. */
  readonly complete = (topics: CommittedTopics, commitTimestamp: number): void => {
    const isNewest = (topicId: TopicId, partition: number) =>
      (this.get(topicId, partition)?.commitTimestamp ?? 0) <= commitTimestamp;
    const newest = topics.map((topic) => ({
      ...topic,
      partitions: topic.partitions.filter(({ partition }) => isNewest(topic.topicId, partition)),
    }));
    this.#setAll(newest, commitTimestamp, -1);
  };

  #setAll(topics: CommittedTopics, commitTimestamp: number, expireTimestamp: number): void {
    for (const { topicId, name, partitions } of topics) {
      for (const { partition, offset, leaderEpoch, metadata } of partitions) {
        const committed = { offset, leaderEpoch, metadata: metadata ?? "", commitTimestamp, expireTimestamp };
        this.#set(topicId, name, partition, committed);
      }
    }
  }

  /** Forgets them. */
  drop(keys: readonly OffsetKeys[]): void {
    for (const { topicId, partitions } of keys) this.#drop(topicId, partitions);
  }

  partitionsOf(topicId: TopicId): number[] {
    return [...(this.#topics.get(topicId)?.partitions.keys() ?? [])];
  }

  /** When each offset may be forgotten, given since when nobody uses the group. */
  *expirations(retentionMs: number, idleSince: number): Generator<OffsetKeys & { readonly name: string; readonly at: number }> {
    for (const [topicId, { name, partitions }] of this.#topics) {
      for (const [partition, { expireTimestamp, commitTimestamp }] of partitions) {
        const at = expireTimestamp >= 0 ? expireTimestamp : Math.max(commitTimestamp, idleSince) + retentionMs;
        yield { topicId, name, partitions: [partition], at };
      }
    }
  }

  readCommit(reader: ByteReader): void {
    const commitTimestamp = reader.int();
    const expireTimestamp = reader.int();
    this.#setAll(readCommittedTopics(reader), commitTimestamp, expireTimestamp);
  }

  write(writer: ByteWriter): void {
    writer.list(this.#topics, this.#topics.size, ([topicId, { name, partitions }]) => {
      writer.string(topicId).string(name);
      writer.list(partitions, partitions.size, ([partition, committed]) => {
        writer.int(partition).int(committed.offset).int(committed.leaderEpoch).string(committed.metadata);
        writer.int(committed.commitTimestamp).int(committed.expireTimestamp);
      });
    });
  }

  read(reader: ByteReader): void {
    reader.list(() => {
      const topicId = reader.string();
      const name = reader.string();
      reader.list(() => {
        const partition = reader.int();
        const offset = { offset: reader.int(), leaderEpoch: reader.int(), metadata: reader.string() };
        this.#set(topicId, name, partition, { ...offset, commitTimestamp: reader.int(), expireTimestamp: reader.int() });
      });
    });
  }

  #set(topicId: TopicId, name: string, partition: number, committed: CommittedOffset): void {
    let topic = this.#topics.get(topicId);
    if (topic === undefined) this.#topics.set(topicId, (topic = { name, partitions: new Map() }));
    topic.partitions.set(partition, committed);
  }

  #drop(topicId: TopicId, partitions: readonly number[]): void {
    const topic = this.#topics.get(topicId);
    if (topic === undefined) return;
    for (const partition of partitions) topic.partitions.delete(partition);
    if (topic.partitions.size === 0) this.#topics.delete(topicId);
  }
}

function fetched(partition: number, committed: CommittedOffset | undefined, errorCode: number): FetchedPartition {
  return {
    partition,
    offset: committed?.offset ?? -1,
    leaderEpoch: committed?.leaderEpoch ?? -1,
    metadata: committed?.metadata ?? "",
    errorCode,
  };
}

function commitEntry(topics: CommittedTopics, commitTimestamp: number, expireTimestamp: number): Uint8Array {
  const writer = new ByteWriter().int(offsetsKind).int(commitTimestamp).int(expireTimestamp);
  return writeCommittedTopics(topics, writer).finish();
}

/** What of a commit can be kept, and what is wrong with the rest. */
export function acceptable(
  topics: CommittedTopics,
  metadataMax: number,
): { readonly partitionErrors: number[][]; readonly topics: CommittedTopics } {
  const partitionErrors = topics.map(({ partitions }) =>
    partitions.map(({ offset, metadata }) => {
      if ((metadata?.length ?? 0) > metadataMax) return errorCodes.OFFSET_METADATA_TOO_LARGE;
      // No log grows that far; a row that could not be read back would cost the group everything.
      return Math.abs(offset) > intMax ? errorCodes.INVALID_COMMIT_OFFSET_SIZE : errorCodes.NONE;
    }),
  );
  const kept = topics.map((topic, at) => ({
    ...topic,
    partitions: topic.partitions.filter((_, index) => partitionErrors[at]![index] === errorCodes.NONE),
  }));
  return { partitionErrors, topics: kept.filter(({ partitions }) => partitions.length > 0) };
}
