/**
 * A produce request that names a partition twice: as in Kafka the last records count and are answered once, in the place of the first.
 * Nobody means to send such a request; it must not be written twice by one who does.
 */
import type { produce } from "../../protocol/messages/00-produce.ts";
import type { RequestOf } from "../../protocol/schema.ts";

type Topics = RequestOf<typeof produce>["topicData"];
type Topic = Topics[number];

/** The topics as they are when no partition is named twice, which costs little to find out. */
export function distinctPartitions(topics: Topics, byId: boolean): Topics {
  const nameOf = (topic: Topic) => (byId ? topic.topicId : topic.name);
  if (topics.every(({ partitionData }) => hasDistinct(partitionData)) && new Set(topics.map(nameOf)).size === topics.length) {
    return topics;
  }
  const merged = new Map<string, { readonly topic: Topic; readonly partitions: Map<number, Topic["partitionData"][number]> }>();
  for (const topic of topics) {
    const known = merged.get(nameOf(topic)) ?? { topic, partitions: new Map() };
    merged.set(nameOf(topic), known);
    for (const partition of topic.partitionData) known.partitions.set(partition.index, partition);
  }
  return [...merged.values()].map(({ topic, partitions }) => ({ ...topic, partitionData: [...partitions.values()] }));
}

function hasDistinct(partitions: Topic["partitionData"]): boolean {
  return partitions.length < 2 || new Set(partitions.map(({ index }) => index)).size === partitions.length;
}
