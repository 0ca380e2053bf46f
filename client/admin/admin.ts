/**
 * What an administrator does: topics, partitions, configs, groups, offsets, records, transactions. Each method is one question to the
 * broker that can answer it, asked again while that is worth it; what a broker refuses for one of several things fails the call with
 * that thing's name in the message.
 */
import { createTopics } from "../../protocol/messages/19-create-topics.ts";
import { deleteTopics } from "../../protocol/messages/20-delete-topics.ts";
import { deleteRecords } from "../../protocol/messages/21-delete-records.ts";
import { describeConfigs } from "../../protocol/messages/32-describe-configs.ts";
import { describeLogDirs } from "../../protocol/messages/35-describe-log-dirs.ts";
import { createPartitions } from "../../protocol/messages/37-create-partitions.ts";
import { incrementalAlterConfigs } from "../../protocol/messages/44-incremental-alter-configs.ts";
import { describeCluster } from "../../protocol/messages/60-describe-cluster.ts";
import { checkOffset } from "../checks.ts";
import { type Isolation, type OffsetAtTime, offsetsAt, timestampOf } from "../consumer/offsets.ts";
import { type TopicPartition, type TopicPartitionOffset, partitionKey } from "../records/record.ts";
import { askEachBroker, askLeaders, refuse, unknownTopics } from "../wire/ask-many.ts";
import type { Cluster, RetryOptions } from "../wire/cluster.ts";
import { type BrokerInfo, type TopicInfo, topicInfo } from "../wire/metadata.ts";
import { TransactionAdmin } from "./transactions.ts";

export interface NewTopic {
  readonly name: string;
  /** The broker's default, when left out. */
  readonly partitions?: number;
  readonly replicationFactor?: number;
  readonly configs?: Readonly<Record<string, string>>;
}

export interface ConfigResource {
  readonly type: "topic" | "broker" | "group";
  readonly name: string;
}

export interface ConfigEntry {
  readonly name: string;
  readonly value: string | null;
  readonly isDefault: boolean;
  readonly isReadOnly: boolean;
  readonly isSensitive: boolean;
  readonly documentation: string | null;
}

export interface ClusterDescription {
  readonly clusterId: string;
  readonly controllerId: number;
  readonly brokers: readonly BrokerInfo[];
}

export interface PartitionSize extends TopicPartition {
  readonly byteLength: number;
}

const resourceTypes = { topic: 2, broker: 4, group: 32 } as const;
const defaultSource = 5;
const set = 0;
const unset = 1;
const timeoutMs = 30_000;

export class Admin extends TransactionAdmin {
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    super(cluster);
    this.#cluster = cluster;
  }

  async describeCluster(options: RetryOptions = {}): Promise<ClusterDescription> {
    const check = ({ errorCode, errorMessage }: { errorCode: number; errorMessage: string | null }): void =>
      refuse(errorCode, "describing the cluster", errorMessage);
    const { clusterId, controllerId, brokers } = await this.#cluster.ask("any", describeCluster, {}, check, options);
    return {
      clusterId,
      controllerId,
      brokers: brokers.map(({ brokerId, host, port, rack }) => ({ nodeId: brokerId, host, port, rack })),
    };
  }

  /** Names of all topics but Kafka's own. */
  async listTopics(options: RetryOptions = {}): Promise<string[]> {
    const topics = await this.describeTopics(undefined, options);
    return topics.flatMap(({ name, isInternal }) => (isInternal ? [] : [name])).sort();
  }

  /** All of them, when none are named. One that is not there fails the call. */
  async describeTopics(names?: readonly string[], options: RetryOptions = {}): Promise<TopicInfo[]> {
    const { topics } = await this.#cluster.describeTopics(
      names,
      (answer) => {
        if (names !== undefined) for (const { name, errorCode } of answer.topics) refuse(errorCode, `topic ${name ?? ""}`);
      },
      { ...options, finalCodes: unknownTopics },
    );
    const found = new Map(topics.map((topic) => [topic.name, topicInfo(topic)]));
    return [...(names ?? found.keys())].flatMap((name) => found.get(name) ?? []);
  }

  async createTopics(topics: readonly NewTopic[], options: RetryOptions & { readonly validateOnly?: boolean } = {}): Promise<void> {
    const { validateOnly = false, ...retry } = options;
    // When one of them has to be tried again, the others are there already.
    const left = new Map(topics.map((topic) => [topic.name, topic]));
    const body = () => ({ topics: [...left.values()].map(creatable), timeoutMs, validateOnly });
    await this.#cluster.ask(
      "controller",
      createTopics,
      body,
      (answer) => {
        for (const { name, errorCode } of answer.topics) if (errorCode === 0) left.delete(name);
        for (const { name, errorCode, errorMessage } of answer.topics) refuse(errorCode, `creating topic ${name}`, errorMessage);
      },
      { ...retry, versionMin: 4 },
    );
    this.#cluster.invalidate();
  }

  async deleteTopics(names: readonly string[], options: RetryOptions = {}): Promise<void> {
    const left = new Set(names);
    const body = () => ({ topics: [...left].map((name) => ({ name })), topicNames: [...left], timeoutMs });
    await this.#cluster.ask(
      "controller",
      deleteTopics,
      body,
      (answer) => {
        for (const { name, errorCode } of answer.responses) if (errorCode === 0 && name !== null) left.delete(name);
        for (const { name, errorCode, errorMessage } of answer.responses)
          refuse(errorCode, `deleting topic ${name ?? ""}`, errorMessage);
      },
      { ...options, finalCodes: unknownTopics },
    );
    for (const name of names) {
      this.#cluster.unwant(name);
      this.#cluster.metadata.forget(name);
    }
  }

  /** To so many in all. */
  async createPartitions(topic: string, count: number, options: RetryOptions = {}): Promise<void> {
    const body = { topics: [{ name: topic, count, assignments: null }], timeoutMs, validateOnly: false };
    await this.#cluster.ask(
      "controller",
      createPartitions,
      body,
      (answer) => {
        for (const { errorCode, errorMessage } of answer.results) refuse(errorCode, `adding partitions to ${topic}`, errorMessage);
      },
      { ...options, finalCodes: unknownTopics },
    );
    this.#cluster.invalidate();
  }

  async describeConfigs(resource: ConfigResource, options: RetryOptions = {}): Promise<ConfigEntry[]> {
    const resources = [{ resourceType: resourceTypes[resource.type], resourceName: resource.name, configurationKeys: null }];
    const answer = await this.#cluster.ask(
      brokerOf(resource),
      describeConfigs,
      { resources, includeSynonyms: false, includeDocumentation: true },
      ({ results }) => {
        for (const { errorCode, errorMessage } of results) refuse(errorCode, `configs of ${resource.name}`, errorMessage);
      },
      { ...options, finalCodes: unknownTopics },
    );
    return (answer.results[0]?.configs ?? []).map(({ name, value, configSource, readOnly, isSensitive, documentation }) => ({
      name,
      value,
      isDefault: configSource === defaultSource,
      isReadOnly: readOnly,
      isSensitive,
      documentation,
    }));
  }

  /** Null takes a config back to its default; those not named stay as they are. */
  async alterConfigs(
    resource: ConfigResource,
    configs: Readonly<Record<string, string | null>>,
    { validateOnly = false, ...options }: RetryOptions & { readonly validateOnly?: boolean } = {},
  ): Promise<void> {
    const altered = Object.entries(configs).map(([name, value]) => ({
      name,
      configOperation: value === null ? unset : set,
      value,
    }));
    const resources = [{ resourceType: resourceTypes[resource.type], resourceName: resource.name, configs: altered }];
    await this.#cluster.ask(
      brokerOf(resource),
      incrementalAlterConfigs,
      { resources, validateOnly },
      ({ responses }) => {
        for (const { errorCode, errorMessage } of responses) refuse(errorCode, `configs of ${resource.name}`, errorMessage);
      },
      { ...options, finalCodes: unknownTopics },
    );
  }

  /** The first offset at or after a time, or an end of the log. */
  async listOffsets(
    partitions: readonly TopicPartition[],
    when: "earliest" | "latest" | "maxTimestamp" | Date | number,
    { isolation = "read_uncommitted", ...options }: RetryOptions & { readonly isolation?: Isolation } = {},
  ): Promise<OffsetAtTime[]> {
    const timestamp = timestampOf(when);
    return await offsetsAt(
      this.#cluster,
      partitions.map(({ topic, partition }) => ({ topic, partition, timestamp })),
      isolation,
      { ...options, finalCodes: unknownTopics },
    );
  }

  /** Everything before the offsets goes. Answers where each log begins now. */
  async deleteRecords(offsets: readonly TopicPartitionOffset[], options: RetryOptions = {}): Promise<TopicPartitionOffset[]> {
    // −1 stands for the end of the log.
    for (const { offset } of offsets) checkOffset(offset, -1);
    const final = { ...options, finalCodes: unknownTopics };
    return await askLeaders(this.#cluster, "deleting records", offsets, final, async (node, asked) => {
      const topics = [...asked].map(([name, each]) => ({
        name,
        partitions: each.map(({ partition, offset }) => ({ partitionIndex: partition, offset: BigInt(offset) })),
      }));
      const { body } = await this.#cluster.callOnce({ node }, deleteRecords, { topics, timeoutMs });
      return body.topics.flatMap(({ name: topic, partitions }) =>
        partitions.map(({ partitionIndex: partition, errorCode, lowWatermark }) => ({
          topic,
          partition,
          errorCode,
          value: { topic, partition, offset: Number(lowWatermark) },
        })),
      );
    });
  }

  /** How many bytes each partition has in the log. */
  async partitionSizes(topics: readonly string[], options: RetryOptions = {}): Promise<PartitionSize[]> {
    const infos = await this.describeTopics(topics, options);
    const asked = infos.map(({ name, partitions }) => ({ topic: name, partitions: partitions.map((_, partition) => partition) }));
    const answers = await askEachBroker(
      this.#cluster,
      describeLogDirs,
      { topics: asked },
      ({ results }) => {
        for (const { errorCode, logDir } of results) refuse(errorCode, `log directory ${logDir}`);
      },
      options,
    );
    const all = answers.flatMap(({ results }) =>
      results.flatMap((result) =>
        result.topics.flatMap(({ name, partitions }) =>
          partitions.map(({ partitionIndex, partitionSize }) => ({
            topic: name,
            partition: partitionIndex,
            byteLength: Number(partitionSize),
          })),
        ),
      ),
    );
    // Where several brokers have a partition, the largest copy is the whole one.
    const largest = new Map<string, PartitionSize>();
    for (const each of all) {
      const key = partitionKey(each.topic, each.partition);
      if (each.byteLength >= (largest.get(key)?.byteLength ?? 0)) largest.set(key, each);
    }
    return [...largest.values()];
  }
}

function creatable({ name, partitions = -1, replicationFactor = -1, configs = {} }: NewTopic) {
  return {
    name,
    numPartitions: partitions,
    replicationFactor,
    assignments: [],
    configs: Object.entries(configs).map(([config, value]) => ({ name: config, value })),
  };
}

/** A broker's configs are its own to tell. */
function brokerOf({ type, name }: ConfigResource) {
  return type === "broker" && name !== "" ? { node: Number(name) } : ("any" as const);
}
