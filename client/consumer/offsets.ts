/**
 * Offsets by time and of groups, as consumers and the admin ask for them: the questions are put to the brokers that can answer, all at
 * once, and asked again until they have.
 */
import { listOffsets } from "../../protocol/messages/02-list-offsets.ts";
import { offsetCommit } from "../../protocol/messages/08-offset-commit.ts";
import { offsetFetch } from "../../protocol/messages/09-offset-fetch.ts";
import { checkOffset } from "../checks.ts";
import { ArgumentError, BrokerError } from "../errors.ts";
import type { TopicPartition, TopicPartitionOffset } from "../records/record.ts";
import { askLeaders } from "../wire/ask-many.ts";
import { type AttemptOptions, type Cluster, type RetryOptions, groupKey } from "../wire/cluster.ts";
import type { GroupMetadata } from "../producer/transactions.ts";
import { groupBy } from "../group-by.ts";

/** Places in a log that are no time. */
export const place = { latest: -1, earliest: -2, maxTimestamp: -3 } as const;

/** A place, or milliseconds since 1970. */
export function timestampOf(when: keyof typeof place | Date | number): number {
  const timestamp = typeof when === "string" ? place[when] : typeof when === "number" ? when : when.getTime();
  if (!Number.isSafeInteger(timestamp)) throw new ArgumentError(`${String(when)} is no time and no end of a log`);
  return timestamp;
}

export type Isolation = "read_committed" | "read_uncommitted";

export interface OffsetAtTime extends TopicPartitionOffset {
  /** −1 where the log has nothing so young, or for the log's ends. */
  readonly timestamp: number;
}

export interface TimeQuery extends TopicPartition {
  /** Milliseconds since 1970, or a place. */
  readonly timestamp: number;
}

export async function offsetsAt(
  cluster: Cluster,
  queries: readonly TimeQuery[],
  isolation: Isolation,
  options: AttemptOptions = {},
): Promise<OffsetAtTime[]> {
  const isolationLevel = isolation === "read_committed" ? 1 : 0;
  return await askLeaders(cluster, "offsets", queries, options, async (node, asked) => {
    const topics = [...asked].map(([name, each]) => ({
      name,
      partitions: each.map(({ partition, timestamp }) => ({ partitionIndex: partition, timestamp: BigInt(timestamp) })),
    }));
    const { body } = await cluster.callOnce({ node }, listOffsets, { replicaId: -1, isolationLevel, topics });
    return body.topics.flatMap(({ name: topic, partitions }) =>
      partitions.map(({ partitionIndex: partition, errorCode, offset, timestamp }) => ({
        topic,
        partition,
        errorCode,
        value: { topic, partition, offset: Number(offset), timestamp: Number(timestamp) },
      })),
    );
  });
}

/**
 * Of a group; partitions without one are left out. Undefined partitions: all there are. Whoever goes on from them waits until none is
 * part of an open transaction; whoever only looks need not.
 */
export async function committedOffsets(
  cluster: Cluster,
  groupId: string,
  partitions: readonly TopicPartition[] | undefined,
  options: RetryOptions & { readonly requireStable?: boolean } = {},
): Promise<TopicPartitionOffset[]> {
  const { requireStable = true } = options;
  const topics =
    partitions === undefined
      ? null
      : [...groupBy(partitions, ({ topic }) => topic)].map(([name, each]) => ({
          name,
          partitionIndexes: each.map(({ partition }) => partition),
        }));
  let found: TopicPartitionOffset[] = [];
  const body = { groupId, topics, groups: [{ groupId, topics }], requireStable };
  await cluster.ask(
    { coordinator: groupId, type: groupKey },
    offsetFetch,
    body,
    (answer) => {
      const group = answer.groups[0] ?? answer;
      if (group.errorCode !== 0) throw new BrokerError(group.errorCode, `offsets of group ${groupId}`);
      found = [];
      for (const { name: topic, partitions: each } of group.topics) {
        for (const { partitionIndex: partition, committedOffset, errorCode } of each) {
          if (errorCode !== 0) throw new BrokerError(errorCode, `offset of ${topic}-${partition} in group ${groupId}`);
          if (committedOffset >= 0n) found.push({ topic, partition, offset: Number(committedOffset) });
        }
      }
    },
    { ...options, versionMin: topics === null ? 2 : 1, versionMax: 9 },
  );
  return found;
}

/** `as`: in whose name, at the moment of each attempt. */
export async function commitOffsets(
  cluster: Cluster,
  as: () => GroupMetadata,
  offsets: readonly TopicPartitionOffset[],
  options: AttemptOptions = {},
): Promise<void> {
  for (const { offset } of offsets) checkOffset(offset);
  const topics = [...groupBy(offsets, ({ topic }) => topic)].map(([name, each]) => ({
    name,
    partitions: each.map(({ partition, offset }) => ({
      partitionIndex: partition,
      committedOffset: BigInt(offset),
      committedMetadata: "",
    })),
  }));
  const { groupId } = as();
  await cluster.ask(
    { coordinator: groupId, type: groupKey },
    offsetCommit,
    () => {
      const { generationId, memberId, groupInstanceId } = as();
      return { groupId, generationIdOrMemberEpoch: generationId, memberId, groupInstanceId, topics };
    },
    (answer) => {
      for (const { name, partitions } of answer.topics)
        for (const { partitionIndex, errorCode } of partitions)
          if (errorCode !== 0) throw new BrokerError(errorCode, `committing ${name}-${partitionIndex} in group ${groupId}`);
    },
    { ...options, versionMax: 9 },
  );
}
