/**
 * Questions that are not for one broker: to each of them, because each knows its share, or to the leaders of partitions, who may move
 * while they are asked. What is known already is not asked again.
 */
import type { ApiSchema, RequestInput, ResponseOf } from "../../protocol/schema.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { BrokerError } from "../errors.ts";
import { groupBy } from "../group-by.ts";
import { type TopicPartition, partitionKey } from "../records/record.ts";
import type { AskOptions, AttemptOptions, Cluster } from "./cluster.ts";

/** An administrator asks about what is there: nobody waits for a topic to appear. */
export const unknownTopics: ReadonlySet<number> = new Set([errorCodes.UNKNOWN_TOPIC_OR_PARTITION, errorCodes.UNKNOWN_TOPIC_ID]);

export function refuse(errorCode: number, context: string, message?: string | null): void {
  if (errorCode !== 0) throw new BrokerError(errorCode, context, message);
}

export async function askEachBroker<Api extends ApiSchema>(
  cluster: Cluster,
  api: Api,
  body: RequestInput<Api>,
  check: (body: ResponseOf<Api>) => void,
  options: AskOptions = {},
): Promise<ResponseOf<Api>[]> {
  await cluster.retry("metadata", async () => await cluster.refresh(), options);
  const nodes = [...cluster.metadata.brokers.keys()];
  return await Promise.all(nodes.map(async (node) => await cluster.ask({ node }, api, body, check, options)));
}

export interface LeaderAnswer<Value> extends TopicPartition {
  readonly errorCode: number;
  readonly errorMessage?: string | null;
  readonly value: Value;
}

/** In the order of the partitions. `ask` is given the partitions of one leader, by topic. */
export async function askLeaders<Asked extends TopicPartition, Value>(
  cluster: Cluster,
  what: string,
  partitions: readonly Asked[],
  options: AttemptOptions,
  ask: (node: number, asked: ReadonlyMap<string, readonly Asked[]>) => Promise<readonly LeaderAnswer<Value>[]>,
): Promise<Value[]> {
  const found = new Map<string, Value>();
  const askOne = async (node: number, asked: readonly Asked[]): Promise<void> => {
    if (node < 0) {
      const { topic, partition } = asked[0]!;
      const isThere = partition < (cluster.metadata.topics.get(topic)?.partitions.length ?? 0);
      const code = isThere ? errorCodes.LEADER_NOT_AVAILABLE : errorCodes.UNKNOWN_TOPIC_OR_PARTITION;
      throw new BrokerError(code, `${what} of ${topic}-${partition}`);
    }
    const answers = await ask(
      node,
      groupBy(asked, ({ topic }) => topic),
    );
    let refused: BrokerError | undefined;
    for (const { topic, partition, errorCode, errorMessage, value } of answers) {
      if (errorCode === 0) found.set(partitionKey(topic, partition), value);
      else refused ??= new BrokerError(errorCode, `${what} of ${topic}-${partition}`, errorMessage);
    }
    if (refused !== undefined) throw refused;
  };
  await cluster.retry(
    what,
    async () => {
      const left = partitions.filter(({ topic, partition }) => !found.has(partitionKey(topic, partition)));
      for (const topic of new Set(left.map((each) => each.topic))) await cluster.topic(topic, { ...options, create: false });
      // What is known may be older than the partition.
      if (left.some(({ topic, partition }) => cluster.metadata.leaderOf(topic, partition) < 0)) await cluster.refresh();
      const byLeader = groupBy(left, ({ topic, partition }) => cluster.metadata.leaderOf(topic, partition));
      const outcomes = await Promise.allSettled([...byLeader].map(async ([node, asked]) => await askOne(node, asked)));
      const failed = outcomes.find((outcome) => outcome.status === "rejected");
      if (failed === undefined) return;
      cluster.invalidate();
      throw failed.reason;
    },
    options,
  );
  return partitions.map(({ topic, partition }) => found.get(partitionKey(topic, partition))!);
}
