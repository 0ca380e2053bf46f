/**
 * What an administrator does: topics, partitions, configs, groups, offsets, records, transactions. Each method is one question to the
 * broker that can answer it, asked again while that is worth it; what a broker refuses for one of several things fails the call with
 * that thing's name in the message.
 */
import { initProducerId } from "../../protocol/messages/22-init-producer-id.ts";
import { createTopics } from "../../protocol/messages/19-create-topics.ts";
import { deleteTopics } from "../../protocol/messages/20-delete-topics.ts";
import { deleteRecords } from "../../protocol/messages/21-delete-records.ts";
import { describeConfigs } from "../../protocol/messages/32-describe-configs.ts";
import { createPartitions } from "../../protocol/messages/37-create-partitions.ts";
import { incrementalAlterConfigs } from "../../protocol/messages/44-incremental-alter-configs.ts";
import { describeCluster } from "../../protocol/messages/60-describe-cluster.ts";
import { describeTransactions } from "../../protocol/messages/65-describe-transactions.ts";
import { listTransactions } from "../../protocol/messages/66-list-transactions.ts";
import { type Isolation, type OffsetAtTime, offsetsAt, place } from "../consumer/offsets.ts";
import { BrokerError } from "../errors.ts";
import type { TopicPartition, TopicPartitionOffset } from "../records/record.ts";
import { type Cluster, type RetryOptions, transactionKey } from "../wire/cluster.ts";
import type { BrokerInfo, TopicInfo } from "../wire/metadata.ts";
import { GroupAdmin } from "./groups.ts";
import { groupBy } from "../group-by.ts";

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

export interface TransactionListing {
  readonly transactionalId: string;
  readonly producerId: number;
  readonly state: string;
}

export interface TransactionDescription extends TransactionListing {
  readonly producerEpoch: number;
  readonly timeoutMs: number;
  /** Undefined while none is open. */
  readonly startTime: number | undefined;
  readonly partitions: readonly TopicPartition[];
}

const resourceTypes = { topic: 2, broker: 4, group: 32 } as const;
const defaultSource = 5;
const set = 0;
const unset = 1;
const timeoutMs = 30_000;

export class Admin extends GroupAdmin {
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
    const { topics } = await this.#cluster.allTopics(options);
    return topics
      .flatMap(({ name, isInternal, errorCode }) => (name === null || isInternal || errorCode !== 0 ? [] : [name]))
      .sort();
  }

  async describeTopics(names: readonly string[], options: RetryOptions = {}): Promise<TopicInfo[]> {
    this.#cluster.invalidate();
    return await Promise.all(names.map(async (name) => await this.#cluster.topic(name, { ...options, create: false })));
  }

  async createTopics(topics: readonly NewTopic[], options: RetryOptions & { readonly validateOnly?: boolean } = {}): Promise<void> {
    const asked = topics.map(({ name, partitions = -1, replicationFactor = -1, configs = {} }) => ({
      name,
      numPartitions: partitions,
      replicationFactor,
      assignments: [],
      configs: Object.entries(configs).map(([config, value]) => ({ name: config, value })),
    }));
    const body = { topics: asked, timeoutMs, validateOnly: options.validateOnly ?? false };
    await this.#cluster.ask(
      "controller",
      createTopics,
      body,
      (answer) => {
        for (const { name, errorCode, errorMessage } of answer.topics) refuse(errorCode, `creating topic ${name}`, errorMessage);
      },
      { ...options, versionMin: 4 },
    );
    this.#cluster.invalidate();
  }

  async deleteTopics(names: readonly string[], options: RetryOptions = {}): Promise<void> {
    const body = { topics: names.map((name) => ({ name })), topicNames: names, timeoutMs };
    await this.#cluster.ask(
      "controller",
      deleteTopics,
      body,
      (answer) => {
        for (const { name, errorCode, errorMessage } of answer.responses)
          refuse(errorCode, `deleting topic ${name ?? ""}`, errorMessage);
      },
      options,
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
      options,
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
      options,
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
    options: RetryOptions & { readonly validateOnly?: boolean } = {},
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
      { resources, validateOnly: options.validateOnly ?? false },
      ({ responses }) => {
        for (const { errorCode, errorMessage } of responses) refuse(errorCode, `configs of ${resource.name}`, errorMessage);
      },
      options,
    );
  }

  /** The first offset at or after a time, or an end of the log. */
  async listOffsets(
    partitions: readonly TopicPartition[],
    when: "earliest" | "latest" | "maxTimestamp" | Date | number,
    { isolation = "read_uncommitted", ...options }: RetryOptions & { readonly isolation?: Isolation } = {},
  ): Promise<OffsetAtTime[]> {
    const timestamp = typeof when === "string" ? place[when] : typeof when === "number" ? when : when.getTime();
    return await offsetsAt(
      this.#cluster,
      partitions.map(({ topic, partition }) => ({ topic, partition, timestamp })),
      isolation,
      options,
    );
  }

  /** Everything before the offsets goes. Answers where each log begins now. */
  async deleteRecords(offsets: readonly TopicPartitionOffset[], options: RetryOptions = {}): Promise<TopicPartitionOffset[]> {
    for (const topic of new Set(offsets.map((each) => each.topic))) await this.#cluster.topic(topic, { ...options, create: false });
    const byLeader = groupBy(offsets, ({ topic, partition }) => this.#cluster.metadata.leaderOf(topic, partition));
    const answers = await Promise.all(
      [...byLeader].map(async ([node, each]) => {
        const topics = [...groupBy(each, ({ topic }) => topic)].map(([name, partitions]) => ({
          name,
          partitions: partitions.map(({ partition, offset }) => ({ partitionIndex: partition, offset: BigInt(offset) })),
        }));
        return await this.#cluster.ask(
          { node },
          deleteRecords,
          { topics, timeoutMs },
          (answer) => {
            for (const { name, partitions } of answer.topics)
              for (const { partitionIndex, errorCode } of partitions)
                refuse(errorCode, `deleting records of ${name}-${partitionIndex}`);
          },
          options,
        );
      }),
    );
    return answers.flatMap(({ topics }) =>
      topics.flatMap(({ name: topic, partitions }) =>
        partitions.map(({ partitionIndex, lowWatermark }) => ({ topic, partition: partitionIndex, offset: Number(lowWatermark) })),
      ),
    );
  }

  async listTransactions(options: RetryOptions = {}): Promise<TransactionListing[]> {
    await this.#cluster.refresh();
    const answers = await Promise.all(
      [...this.#cluster.metadata.brokers.keys()].map(
        async (node) =>
          await this.#cluster.ask(
            { node },
            listTransactions,
            {},
            ({ errorCode }) => refuse(errorCode, "listing transactions"),
            options,
          ),
      ),
    );
    const listed = answers.flatMap(({ transactionStates }) =>
      transactionStates.map(({ transactionalId, producerId, transactionState }) => ({
        transactionalId,
        producerId: Number(producerId),
        state: transactionState,
      })),
    );
    return [...new Map(listed.map((each) => [each.transactionalId, each])).values()];
  }

  async describeTransaction(transactionalId: string, options: RetryOptions = {}): Promise<TransactionDescription> {
    const answer = await this.#cluster.ask(
      { coordinator: transactionalId, type: transactionKey },
      describeTransactions,
      { transactionalIds: [transactionalId] },
      ({ transactionStates }) => refuse(transactionStates[0]?.errorCode ?? 0, `transaction ${transactionalId}`),
      options,
    );
    const [found] = answer.transactionStates;
    const startTime = Number(found?.transactionStartTimeMs ?? -1n);
    return {
      transactionalId,
      producerId: Number(found?.producerId ?? -1n),
      state: found?.transactionState ?? "",
      producerEpoch: found?.producerEpoch ?? -1,
      timeoutMs: found?.transactionTimeoutMs ?? -1,
      startTime: startTime < 0 ? undefined : startTime,
      partitions: (found?.topics ?? []).flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition }))),
    };
  }

  /** Aborts what is open under the id, by taking it over: whoever had it is fenced. */
  async abortTransaction(transactionalId: string, options: RetryOptions = {}): Promise<void> {
    await this.#cluster.ask(
      { coordinator: transactionalId, type: transactionKey },
      initProducerId,
      { transactionalId, transactionTimeoutMs: 1 },
      ({ errorCode }) => refuse(errorCode, `aborting the transaction of ${transactionalId}`),
      { ...options, versionMax: 5 },
    );
  }
}

function refuse(errorCode: number, context: string, message?: string | null): void {
  if (errorCode !== 0) throw new BrokerError(errorCode, context, message);
}

/** A broker's configs are its own to tell. */
function brokerOf({ type, name }: ConfigResource) {
  return type === "broker" && name !== "" ? { node: Number(name) } : ("any" as const);
}
