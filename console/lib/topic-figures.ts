/** What tables of topics and groups show, asked of the admin: where logs begin and end, what is committed, how far behind. */
import type { Admin, TopicPartition } from "../../client/client.ts";
import type { GroupPartition } from "./offset-reset.ts";

export interface PartitionFigures {
  readonly partition: number;
  readonly leader: number;
  readonly leaderEpoch: number;
  readonly start: number;
  readonly end: number;
  /** What read_committed readers see ends here. */
  readonly stableEnd: number;
}

export interface TopicFigures {
  readonly name: string;
  readonly id: string;
  readonly partitions: readonly PartitionFigures[];
}

export async function topicFigures(admin: Admin, names: readonly string[], signal: AbortSignal): Promise<readonly TopicFigures[]> {
  if (names.length === 0) return [];
  const topics = await admin.describeTopics(names, { signal });
  const all = topics.flatMap(({ name, partitions }) => partitions.map((_, partition) => ({ topic: name, partition })));
  const [starts, ends, stable] = await Promise.all([
    admin.listOffsets(all, "earliest", { signal }),
    admin.listOffsets(all, "latest", { signal }),
    admin.listOffsets(all, "latest", { signal, isolation: "read_committed" }),
  ]);
  let at = 0;
  return topics.map(({ name, id, partitions }) => ({
    name,
    id,
    partitions: partitions.map(({ leader, leaderEpoch }, partition) => {
      const index = at++;
      return {
        partition,
        leader,
        leaderEpoch,
        start: starts[index]!.offset,
        end: ends[index]!.offset,
        stableEnd: stable[index]!.offset,
      };
    }),
  }));
}

export function recordsOf({ partitions }: TopicFigures): number {
  return partitions.reduce((sum, { start, end }) => sum + end - start, 0);
}

export function endsOf({ partitions }: TopicFigures): number {
  return partitions.reduce((sum, { end }) => sum + end, 0);
}

/** Of the partitions that a group committed for or has assigned. Those of topics that are gone are left out. */
export async function groupPartitions(
  admin: Admin,
  group: string,
  assigned: readonly TopicPartition[],
  signal: AbortSignal,
): Promise<readonly GroupPartition[]> {
  const committed = await admin.groupOffsets(group, { signal });
  const byKey = new Map<string, TopicPartition & { readonly committed?: number }>();
  for (const { topic, partition } of assigned) byKey.set(`${topic} ${partition}`, { topic, partition });
  for (const { topic, partition, offset } of committed) byKey.set(`${topic} ${partition}`, { topic, partition, committed: offset });
  const existing = new Set(await admin.listTopics({ signal }));
  const wanted = [...byKey.values()]
    .filter(({ topic }) => existing.has(topic))
    .sort((left, right) => left.topic.localeCompare(right.topic) || left.partition - right.partition);
  if (wanted.length === 0) return [];
  const [starts, ends] = await Promise.all([
    admin.listOffsets(wanted, "earliest", { signal }),
    admin.listOffsets(wanted, "latest", { signal }),
  ]);
  return wanted.map(({ topic, partition, committed: offset }, index) => ({
    topic,
    partition,
    committed: offset,
    start: starts[index]!.offset,
    end: ends[index]!.offset,
  }));
}
