/** What a consumer can be told, what of it is refused, and what it hands out besides records. */
import { checkMethods, checkNumbers, checkOffset, checkTexts, checkWords, int32Max } from "../checks.ts";
import { ArgumentError } from "../errors.ts";
import type { ConsumerRecord, TopicPartition } from "../records/record.ts";
import type { Serializer } from "../serializers.ts";
import { type Isolation, timestampOf } from "./offsets.ts";

export type OffsetReset = "earliest" | "latest" | "error" | Date;

export interface ConsumerOptions<Key = Uint8Array, Value = Uint8Array> {
  /** How bytes become keys and values; they stay bytes when left out. */
  readonly key?: Serializer<Key>;
  readonly value?: Serializer<Value>;
  /** Topics to read: shared with the group's other members, or all partitions when there is no group. */
  readonly topics?: readonly string[];
  /** Partitions to read, instead of topics. With a group, its committed offsets are used, without being a member. */
  readonly partitions?: readonly PartitionStart[];
  readonly group?: string;
  /** A static member keeps its partitions through restarts shorter than the session. */
  readonly groupInstanceId?: string;
  /** "consumer" is KIP-848's, assigned by the broker; "classic" the one of before. Default: "consumer" where the broker has it. */
  readonly groupProtocol?: "classic" | "consumer";
  /** Of the classic protocol, in order of preference. Default cooperative-sticky. */
  readonly assignors?: readonly ("cooperative-sticky" | "range")[];
  /** Of the consumer protocol: the broker's own choice when left out. */
  readonly serverAssignor?: string;
  /** Where to begin without a committed offset, or when the log has lost it. Default "latest". */
  readonly offsetReset?: OffsetReset;
  /** Default "read_committed". */
  readonly isolation?: Isolation;
  /** Commit by itself what is done with: every 5 s, when partitions go, and at the end. Default true in a group. */
  readonly autoCommit?: boolean;
  readonly autoCommitIntervalMs?: number;
  /** How long the broker waits when there is nothing new. Default 5 s. */
  readonly maxWaitMs?: number;
  readonly minBytes?: number;
  /** What is read ahead at most, over all partitions. Default 16 MiB. */
  readonly prefetchBytes?: number;
  /** For one partition. Default 1 MiB. */
  readonly partitionBytes?: number;
  /** Whether checksums are checked. Default true. */
  readonly checkCrcs?: boolean;
  /** Default 45 s; of the classic protocol. */
  readonly sessionTimeoutMs?: number;
  /** Default 3 s; of the classic protocol. */
  readonly heartbeatIntervalMs?: number;
  /** How long the group waits for members to let go. Default 60 s. */
  readonly rebalanceTimeoutMs?: number;
  /** A member whose caller asks for nothing so long leaves the group until it asks again. Default 5 min. */
  readonly maxPollIntervalMs?: number;
  /** Called before the first record of them; may be asynchronous, and may seek. */
  readonly onAssigned?: (partitions: readonly TopicPartition[]) => void | Promise<void>;
  /** Called when the last record of them is done with, before their offsets are committed by itself. */
  readonly onRevoked?: (partitions: readonly TopicPartition[]) => void | Promise<void>;
  /** They went without asking: another member may be reading them already. `onRevoked` is called when this is left out. */
  readonly onLost?: (partitions: readonly TopicPartition[]) => void | Promise<void>;
  /** Closes the consumer; its iteration ends. */
  readonly signal?: AbortSignal;
}

export interface PartitionStart extends TopicPartition {
  /** Left out: what the group has committed, or else where `offsetReset` says. */
  readonly offset?: number;
}

export interface ConsumerBatch<Key, Value> extends TopicPartition {
  readonly records: readonly ConsumerRecord<Key, Value>[];
  /** Of the log when it was fetched; of committed records under read_committed. */
  readonly highWatermark: number;
}

export function checkConsumerOptions<Key, Value>(options: ConsumerOptions<Key, Value>): void {
  const { topics, partitions, offsetReset, assignors } = options;
  if ((topics === undefined) === (partitions === undefined))
    throw new ArgumentError("a consumer reads either topics or partitions");
  checkList("topics", topics, (topic) => checkTexts({ "a topic": topic }, ["a topic"]));
  checkList("partitions", partitions, ({ topic, partition, offset }) => {
    checkTexts({ "a topic": topic }, ["a topic"]);
    if (!Number.isInteger(partition) || partition < 0) throw new ArgumentError(`${topic} has no partition ${partition}`);
    if (offset !== undefined) checkOffset(offset);
  });
  checkList("assignors", assignors, (assignor) => checkWords({ assignor }, { assignor: ["cooperative-sticky", "range"] }));
  if (offsetReset instanceof Date) timestampOf(offsetReset);
  else checkWords(options, { offsetReset: ["earliest", "latest", "error"] });
  checkWords(options, {
    isolation: ["read_committed", "read_uncommitted"],
    groupProtocol: ["classic", "consumer"],
    autoCommit: [true, false],
    checkCrcs: [true, false],
  });
  checkTexts(options, ["group", "groupInstanceId", "serverAssignor"]);
  checkMethods(options, { key: ["deserialize"], value: ["deserialize"], onAssigned: [], onRevoked: [], onLost: [] });
  checkNumbers(options, {
    autoCommitIntervalMs: [1],
    maxWaitMs: [0, int32Max],
    minBytes: [0, int32Max],
    prefetchBytes: [1],
    partitionBytes: [1, int32Max],
    sessionTimeoutMs: [1, int32Max],
    heartbeatIntervalMs: [1, int32Max],
    rebalanceTimeoutMs: [1, int32Max],
    maxPollIntervalMs: [1],
  });
}

function checkList<Item>(name: string, given: readonly Item[] | undefined, check: (item: Item) => void): void {
  if (given === undefined) return;
  if (!Array.isArray(given) || given.length === 0) throw new ArgumentError(`${name} must be a list that is not empty`);
  for (const item of given as readonly Item[]) check(item);
}
