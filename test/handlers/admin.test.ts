/**
 * The administration APIs in every version: configs, partitions, records, and the questions that Kafka's tools ask.
 */
import { describe, expect, test } from "vitest";
import { groupConfigs } from "../../core/cluster/group-configs.ts";
import { topicConfigs } from "../../core/cluster/topic-configs.ts";
import { produce } from "../../protocol/messages/00-produce.ts";
import { metadata } from "../../protocol/messages/03-metadata.ts";
import { deleteRecords } from "../../protocol/messages/21-delete-records.ts";
import { describeConfigs } from "../../protocol/messages/32-describe-configs.ts";
import { alterConfigs } from "../../protocol/messages/33-alter-configs.ts";
import { alterReplicaLogDirs } from "../../protocol/messages/34-alter-replica-log-dirs.ts";
import { describeLogDirs } from "../../protocol/messages/35-describe-log-dirs.ts";
import { createPartitions } from "../../protocol/messages/37-create-partitions.ts";
import { electLeaders } from "../../protocol/messages/43-elect-leaders.ts";
import { incrementalAlterConfigs } from "../../protocol/messages/44-incremental-alter-configs.ts";
import { alterPartitionReassignments } from "../../protocol/messages/45-alter-partition-reassignments.ts";
import { listPartitionReassignments } from "../../protocol/messages/46-list-partition-reassignments.ts";
import { describeQuorum } from "../../protocol/messages/55-describe-quorum.ts";
import { updateFeatures } from "../../protocol/messages/57-update-features.ts";
import { describeProducers } from "../../protocol/messages/61-describe-producers.ts";
import { listConfigResources } from "../../protocol/messages/74-list-config-resources.ts";
import { FakeBroker, servedVersions } from "./fake-broker.ts";
import { batch } from "./records.ts";

const topicType = 2;
const brokerType = 4;
const groupType = 32;

async function describeOne(
  broker: FakeBroker,
  resourceType: number,
  resourceName: string,
  version = 4,
  keys: string[] | null = null,
) {
  const request = {
    resources: [{ resourceType, resourceName, configurationKeys: keys }],
    includeSynonyms: true,
    includeDocumentation: true,
  };
  return (await broker.ask(describeConfigs, version, request))!.results[0]!;
}

async function setConfig(broker: FakeBroker, resourceType: number, resourceName: string, name: string, value: string) {
  const resources = [{ resourceType, resourceName, configs: [{ name, configOperation: 0, value }] }];
  return (await broker.ask(incrementalAlterConfigs, 1, { resources }))!.responses[0]!;
}

describe("DescribeConfigs", () => {
  test.each(servedVersions(describeConfigs))("v%i lists every topic config with value, source and type", async (version) => {
    const broker = new FakeBroker();
    await broker.createTopic("t", 1, { "retention.ms": "1000" });
    const { errorCode, configs } = await describeOne(broker, topicType, "t", version);
    expect(errorCode).toBe(0);
    expect(configs.map(({ name }) => name)).toEqual([...topicConfigs.keys()]);
    expect(configs.find(({ name }) => name === "retention.ms")).toMatchObject({
      value: "1000",
      configSource: 1,
      readOnly: false,
      synonyms: [{ name: "retention.ms", value: "1000", source: 1 }],
    });
    const policy = configs.find(({ name }) => name === "cleanup.policy");
    expect(policy).toMatchObject({ value: "delete", configSource: 5 });
    if (version >= 3) {
      expect(policy!.configType).toBe(7);
      for (const { documentation } of configs) expect(documentation).toBeTruthy();
    }
  });

  test("documentation promises nothing that is not there", () => {
    const actedOn = [...topicConfigs.values()].filter(({ doc }) => !/without effect, because|not acted on yet/.test(doc));
    expect(actedOn.map(({ name }) => name)).toEqual([
      "cleanup.policy",
      "compression.type",
      "delete.retention.ms",
      "max.compaction.lag.ms",
      "max.message.bytes",
      "message.timestamp.after.max.ms",
      "message.timestamp.before.max.ms",
      "message.timestamp.type",
      "min.cleanable.dirty.ratio",
      "min.compaction.lag.ms",
      "remote.storage.enable",
      "retention.bytes",
      "retention.ms",
      "segment.bytes",
      "segment.ms",
    ]);
  });

  test("keys choose, an empty list of keys chooses all", async () => {
    const broker = new FakeBroker();
    await broker.createTopic("t");
    const chosen = await describeOne(broker, topicType, "t", 4, ["segment.ms", "nope"]);
    expect(chosen.configs.map(({ name }) => name)).toEqual(["segment.ms"]);
    expect((await describeOne(broker, topicType, "t", 4, [])).configs).toHaveLength(topicConfigs.size);
  });

  test("what was altered for the cluster or chosen by the deployment shows as a topic's source", async () => {
    const broker = new FakeBroker({ settings: { "message.max.bytes": 2000 } });
    await broker.createTopic("t");
    expect((await setConfig(broker, brokerType, "", "log.retention.ms", "77")).errorCode).toBe(0);
    const { configs } = await describeOne(broker, topicType, "t");
    const source = (wanted: string) => configs.find(({ name }) => name === wanted);
    expect(source("retention.ms")).toMatchObject({ value: "77", configSource: 3 });
    expect(source("max.message.bytes")).toMatchObject({ value: "2000", configSource: 4 });
    const cluster = await describeOne(broker, brokerType, "");
    expect(cluster.configs.map(({ name, value, configSource }) => [name, value, configSource])).toEqual([
      ["log.retention.ms", "77", 3],
    ]);
    const node = await describeOne(broker, brokerType, "0");
    expect(node.configs.find(({ name }) => name === "log.retention.ms")).toMatchObject({
      value: "77",
      configSource: 3,
      readOnly: false,
    });
    expect(node.configs.find(({ name }) => name === "wal.buffer.bytes")).toMatchObject({ configSource: 5, readOnly: true });
  });

  test("what was altered for one broker holds there where the broker decides, and is named before what holds for all", async () => {
    const broker = new FakeBroker();
    await broker.createTopic("t");
    await broker.createTopic("own", 1, { "max.message.bytes": "50" });
    await setConfig(broker, brokerType, "", "message.max.bytes", "3000");
    await setConfig(broker, brokerType, "", "log.retention.ms", "1000");
    await setConfig(broker, brokerType, "0", "message.max.bytes", "2000");
    await setConfig(broker, brokerType, "0", "compression.type", "zstd");
    // Leaders act on these: they know no broker of their own.
    await setConfig(broker, brokerType, "0", "log.retention.ms", "500");
    await setConfig(broker, brokerType, "0", "log.message.timestamp.type", "LogAppendTime");
    const { configs } = await describeOne(broker, topicType, "t");
    const chain = (wanted: string) =>
      configs.find(({ name }) => name === wanted)!.synonyms.map(({ name, value, source }) => [name, value, source]);
    expect(chain("max.message.bytes")).toEqual([
      ["message.max.bytes", "2000", 2],
      ["message.max.bytes", "3000", 3],
      ["message.max.bytes", "1048588", 5],
    ]);
    expect(chain("retention.ms")).toEqual([["log.retention.ms", "1000", 3]]);
    expect((await broker.catalog.byName("t"))!.effective).toMatchObject({
      maxMessageBytes: 2000,
      compressionType: "zstd",
      timestampType: "CreateTime",
    });
    expect((await broker.catalog.byName("own"))!.effective.maxMessageBytes).toBe(50);
    await broker.ask(incrementalAlterConfigs, 1, {
      resources: [
        {
          resourceType: brokerType,
          resourceName: "0",
          configs: [{ name: "message.max.bytes", configOperation: 1, value: null }],
        },
      ],
    });
    expect((await broker.catalog.byName("t"))!.effective.maxMessageBytes).toBe(3000);
  });

  test("the cluster's own list says of each config only what was set for the cluster", async () => {
    const broker = new FakeBroker();
    await setConfig(broker, brokerType, "", "message.max.bytes", "3000");
    const { configs } = await describeOne(broker, brokerType, "");
    expect(configs.map(({ synonyms }) => synonyms)).toEqual([[{ name: "message.max.bytes", value: "3000", source: 3 }]]);
  });

  test("groups list their configs", async () => {
    const broker = new FakeBroker();
    expect((await setConfig(broker, groupType, "g", "consumer.session.timeout.ms", "50000")).errorCode).toBe(0);
    const { configs } = await describeOne(broker, groupType, "g");
    expect(configs.map(({ name }) => name)).toEqual([...groupConfigs.keys()]);
    expect(configs.find(({ name }) => name === "consumer.session.timeout.ms")).toMatchObject({ value: "50000", configSource: 8 });
  });

  test.each([
    [topicType, "none", 3],
    [topicType, "bad name", 17],
    [brokerType, "9", 42],
    [brokerType, "x", 42],
    [99, "x", 42],
  ])("resource %i %j → %i", async (type, name, errorCode) => {
    expect(await describeOne(new FakeBroker(), type, name)).toMatchObject({ errorCode, configs: [] });
  });
});

describe("IncrementalAlterConfigs and AlterConfigs", () => {
  test.each(servedVersions(incrementalAlterConfigs))("v%i changes what it names", async (version) => {
    const broker = new FakeBroker();
    await broker.createTopic("t", 1, { "flush.ms": "5", "segment.ms": "6" });
    const configs = [
      { name: "cleanup.policy", configOperation: 2, value: "compact" },
      { name: "flush.ms", configOperation: 1, value: null },
    ];
    const request = { resources: [{ resourceType: topicType, resourceName: "t", configs }] };
    const expected = { errorCode: 0, errorMessage: null, resourceType: topicType, resourceName: "t" };
    expect((await broker.ask(incrementalAlterConfigs, version, { ...request, validateOnly: true }))!.responses).toEqual([expected]);
    expect((await broker.catalog.byName("t"))!.effective.compacted).toBe(false);
    expect((await broker.ask(incrementalAlterConfigs, version, request))!.responses).toEqual([expected]);
    expect((await broker.catalog.byName("t"))!.configs).toEqual({ "segment.ms": "6", "cleanup.policy": "delete,compact" });
  });

  test.each(servedVersions(alterConfigs))("AlterConfigs v%i forgets what it does not name", async (version) => {
    const broker = new FakeBroker();
    await broker.createTopic("t", 1, { "flush.ms": "5" });
    const resources = [{ resourceType: topicType, resourceName: "t", configs: [{ name: "segment.ms", value: "9" }] }];
    expect((await broker.ask(alterConfigs, version, { resources }))!.responses).toMatchObject([{ errorCode: 0 }]);
    expect((await broker.catalog.byName("t"))!.configs).toEqual({ "segment.ms": "9" });
  });

  test("each resource has its own outcome, in the order of the request", async () => {
    const broker = new FakeBroker();
    await broker.createTopic("t");
    const one = (
      resourceType: number,
      resourceName: string,
      ...configs: { name: string; configOperation: number; value: string | null }[]
    ) => ({
      resourceType,
      resourceName,
      configs,
    });
    const set = (name: string, value: string | null) => ({ name, configOperation: 0, value });
    const resources = [
      one(topicType, "none", set("flush.ms", "1")),
      one(topicType, "t", set("flush.ms", "x")),
      one(groupType, "twin", set("consumer.session.timeout.ms", "50000")),
      one(brokerType, "7", set("log.retention.ms", "1")),
      one(brokerType, "0", set("log.retention.ms", "1")),
      one(groupType, "twin"),
      one(16, "metrics"),
      one(topicType, "u", set("flush.ms", "1"), set("flush.ms", "2")),
      one(topicType, "v", set("flush.ms", null)),
      one(brokerType, "", set("wal.buffer.bytes", "1")),
    ];
    const { responses } = (await broker.ask(incrementalAlterConfigs, 1, { resources }))!;
    expect(responses.map(({ resourceName, errorCode }) => [resourceName, errorCode])).toEqual([
      ["none", 3],
      ["t", 40],
      ["twin", 42],
      ["7", 42],
      ["0", 0],
      ["twin", 42],
      ["metrics", 42],
      ["u", 42],
      ["v", 42],
      ["", 42],
    ]);
    expect(responses.map(({ errorMessage }) => errorMessage)).toEqual([
      "The topic 'none' does not exist.",
      "Invalid value x for configuration flush.ms: Not a number of type LONG",
      "Each resource must appear at most once.",
      "Unexpected broker id, expected one of 0, but received 7",
      null,
      "Each resource must appear at most once.",
      "Unknown resource type 16",
      "Error due to duplicate config keys",
      "Null value not supported for : flush.ms",
      "Cannot update these configs dynamically: [wal.buffer.bytes]",
    ]);
  });

  test("an altered limit is the one that the next produce meets", async () => {
    const broker = new FakeBroker();
    await broker.createTopic("t");
    const code = async () => {
      const topicData = [{ name: "t", partitionData: [{ index: 0, records: batch({ values: ["x".repeat(200)] }) }] }];
      return (await broker.ask(produce, 9, { acks: -1, topicData }))!.responses[0]!.partitionResponses[0]!.errorCode;
    };
    expect(await code()).toBe(0);
    await setConfig(broker, topicType, "t", "max.message.bytes", "100");
    expect(await code()).toBe(10);
  });
});

test.each(servedVersions(createPartitions))("CreatePartitions v%i adds partitions that can be seen at once", async (version) => {
  const broker = new FakeBroker();
  await broker.createTopic("t", 2);
  await broker.catalog.all();
  const topics = [
    { name: "t", count: 5, assignments: null },
    { name: "none", count: 5, assignments: null },
    { name: "twice", count: 5, assignments: null },
    { name: "twice", count: 6, assignments: null },
  ];
  const ask = async (validateOnly: boolean) =>
    (await broker.ask(createPartitions, version, { topics, validateOnly }))!.results.map(({ name, errorCode }) => [
      name,
      errorCode,
    ]);
  const expected = [
    ["twice", 42],
    ["t", 0],
    ["none", 3],
  ];
  expect(await ask(true)).toEqual(expected);
  expect((await broker.catalog.byName("t"))!.partitions).toHaveLength(2);
  expect(await ask(false)).toEqual(expected);
  const shown = (await broker.ask(metadata, 9, { topics: null }))!;
  expect(shown.topics[0]!.partitions).toHaveLength(5);
});

describe("DeleteRecords", () => {
  async function ask(broker: FakeBroker, version: number, offset: bigint, partitionIndex = 0, name = "t") {
    const topics = [{ name, partitions: [{ partitionIndex, offset }] }];
    return (await broker.ask(deleteRecords, version, { topics }))!.topics[0]!.partitions[0]!;
  }

  async function brokerWithRecords(configs: Readonly<Record<string, string>> = {}) {
    const broker = new FakeBroker();
    await broker.createTopic("t", 1, configs);
    const records = batch({ values: ["a", "b", "c"], keys: ["1", "2", "3"] });
    await broker.ask(produce, 9, { acks: -1, topicData: [{ name: "t", partitionData: [{ index: 0, records }] }] });
    return broker;
  }

  test.each(servedVersions(deleteRecords))("v%i moves the log's start, -1 to its end", async (version) => {
    const broker = await brokerWithRecords();
    expect(await ask(broker, version, 2n)).toEqual({ partitionIndex: 0, errorCode: 0, lowWatermark: 2n });
    expect(await ask(broker, version, -1n)).toEqual({ partitionIndex: 0, errorCode: 0, lowWatermark: 3n });
  });

  test.each<[string, bigint, number, string, number]>([
    ["beyond the end", 4n, 0, "t", 1],
    ["a negative offset", -2n, 0, "t", 1],
    ["an unknown partition", 0n, 1, "t", 3],
    ["an unknown topic", 0n, 0, "none", 3],
  ])("%s is refused", async (_what, offset, partition, name, errorCode) => {
    expect(await ask(await brokerWithRecords(), 2, offset, partition, name)).toMatchObject({ errorCode, lowWatermark: -1n });
  });

  test("a topic that is only compacted keeps its records", async () => {
    expect(await ask(await brokerWithRecords({ "cleanup.policy": "compact" }), 2, 1n)).toMatchObject({ errorCode: 44 });
    expect(await ask(await brokerWithRecords({ "cleanup.policy": "compact,delete" }), 2, 1n)).toMatchObject({ errorCode: 0 });
  });
});

test("a broker's configs say who it is and where, also when another is asked", async () => {
  const broker = new FakeBroker({ settings: { "brokers.per.zone": 2 } });
  const { configs } = await describeOne(broker, brokerType, "1", 4, ["advertised.listeners", "broker.id", "node.id"]);
  const { host, port } = (await broker.ask(metadata, 9, { topics: [] }))!.brokers[1]!;
  expect(configs.map(({ name, value }) => [name, value])).toEqual([
    ["advertised.listeners", `PLAINTEXT://${host}:${port}`],
    ["broker.id", "1"],
    ["node.id", "1"],
  ]);
  for (const config of configs) expect(config).toMatchObject({ configSource: 4, readOnly: true, isSensitive: false });
});

test.each(servedVersions(alterReplicaLogDirs))("AlterReplicaLogDirs v%i knows one directory, where all is", async (version) => {
  const broker = new FakeBroker();
  await broker.createTopic("t", 1);
  const dirs = ["object-store", "/elsewhere"].map((path) => ({
    path,
    topics: ["t", "none"].map((name) => ({ name, partitions: [0, 9] })),
  }));
  const { results } = (await broker.ask(alterReplicaLogDirs, version, { dirs }))!;
  const codes = (topicName: string, errors: readonly number[]) => ({
    topicName,
    partitions: errors.map((errorCode, index) => ({ partitionIndex: index % 2 === 0 ? 0 : 9, errorCode })),
  });
  expect(results).toEqual([codes("t", [0, 9, 57, 57]), codes("none", [9, 9, 57, 57])]);
});

test.each(servedVersions(describeLogDirs))("DescribeLogDirs v%i tells the bytes of each partition, once", async (version) => {
  const broker = new FakeBroker({ settings: { "brokers.per.zone": 2 } });
  await broker.createTopic("t", 6);
  const sets = [0, 1, 2, 3, 4, 5].map((index) => ({ index, records: batch({ values: ["x".repeat(index)] }) }));
  await broker.ask(produce, 9, { acks: -1, topicData: [{ name: "t", partitionData: sets }] });
  const ask = async (nodeId: number, topics: { topic: string; partitions: number[] }[] | null) => {
    broker.nodeId = nodeId;
    const [result] = (await broker.ask(describeLogDirs, version, { topics }))!.results;
    expect(result).toMatchObject({ errorCode: 0, totalBytes: -1n, usableBytes: -1n });
    return result!.topics.flatMap(({ partitions }) =>
      partitions.map(({ partitionIndex, partitionSize }) => [partitionIndex, partitionSize]),
    );
  };
  const all = [...(await ask(0, null)), ...(await ask(1, null))].sort(([a], [b]) => Number(a) - Number(b));
  expect(all).toEqual(sets.map(({ index, records }) => [index, BigInt(records.length)]));
  const one = [{ topic: "t", partitions: [3] }];
  expect([...(await ask(0, one)), ...(await ask(1, one))]).toEqual([all[3]]);
  expect(await ask(0, [])).toEqual([]);
});

test("DescribeProducers tells what a leader remembers of each producer", async () => {
  const broker = new FakeBroker();
  await broker.createTopic("t", 1);
  const topics = [{ name: "t", partitionIndexes: [0, 4] }];
  const [topic] = (await broker.ask(describeProducers, 0, { topics }))!.topics;
  expect(topic!.partitions[0]).toMatchObject({
    errorCode: 0,
    activeProducers: [
      { producerId: 7n, producerEpoch: 1, lastSequence: 41, lastTimestamp: 99n, coordinatorEpoch: 3, currentTxnStartOffset: 12n },
    ],
  });
  expect(topic!.partitions[1]).toMatchObject({ partitionIndex: 4, errorCode: 3, activeProducers: [] });
});

test.each(servedVersions(electLeaders))("ElectLeaders v%i: nobody needs to be elected", async (version) => {
  const broker = new FakeBroker();
  await broker.createTopic("t", 1);
  const topicPartitions = [
    { topic: "t", partitions: [0, 5] },
    { topic: "none", partitions: [0] },
  ];
  const answer = (await broker.ask(electLeaders, version, { topicPartitions }))!;
  expect(answer.replicaElectionResults.map(({ partitionResult }) => partitionResult.map(({ errorCode }) => errorCode))).toEqual([
    [84, 3],
    [3],
  ]);
  expect((await broker.ask(electLeaders, version, { topicPartitions: null }))!.replicaElectionResults).toEqual([]);
  if (version >= 1)
    expect(await broker.ask(electLeaders, version, { electionType: 7, topicPartitions })).toMatchObject({ errorCode: 42 });
});

test.each(servedVersions(alterPartitionReassignments))("AlterPartitionReassignments v%i tells the truth", async (version) => {
  const broker = new FakeBroker();
  await broker.createTopic("t", 1);
  const ask = async (name: string, partitionIndex: number, replicas: number[] | null) => {
    const topics = [{ name, partitions: [{ partitionIndex, replicas }] }];
    return (await broker.ask(alterPartitionReassignments, version, { topics }))!.responses[0]!.partitions[0]!.errorCode;
  };
  expect(await ask("t", 0, [0])).toBe(0);
  expect(await ask("t", 0, [1])).toBe(39);
  expect(await ask("t", 0, [0, 1])).toBe(39);
  expect(await ask("t", 0, null)).toBe(85);
  expect(await ask("t", 1, [0])).toBe(3);
  expect(await ask("none", 0, [0])).toBe(3);
  expect(await broker.ask(listPartitionReassignments, 0, { topics: null })).toMatchObject({ errorCode: 0, topics: [] });
});

test.each(servedVersions(describeQuorum))("DescribeQuorum v%i shows one voter, the controller", async (version) => {
  const broker = new FakeBroker({ settings: { "brokers.per.zone": 2 } });
  const ask = (topicName: string) =>
    broker.ask(describeQuorum, version, { topics: [{ topicName, partitions: [{ partitionIndex: 0 }] }] });
  const answer = (await ask("__cluster_metadata"))!;
  expect(answer.errorCode).toBe(0);
  const [partition] = answer.topics[0]!.partitions;
  expect(partition).toMatchObject({ leaderId: 0, highWatermark: 1n });
  expect(partition!.currentVoters.map(({ replicaId }) => replicaId)).toEqual([0]);
  expect(partition!.observers.map(({ replicaId }) => replicaId)).toEqual([1]);
  if (version >= 2)
    expect(answer.nodes.map(({ nodeId, listeners }) => [nodeId, listeners[0]!.port])).toEqual([
      [0, 9000],
      [1, 9001],
    ]);
  expect(await ask("t")).toMatchObject({ errorCode: 0, topics: [{ topicName: "t", partitions: [{ errorCode: 3 }] }] });
});

test.each(servedVersions(updateFeatures))("UpdateFeatures v%i takes what is true already", async (version) => {
  const ask = (feature: string, maxVersionLevel: number) =>
    new FakeBroker().ask(updateFeatures, version, { featureUpdates: [{ feature, maxVersionLevel }] });
  const codes = async (feature: string, level: number) => {
    const { errorCode, results } = (await ask(feature, level))!;
    expect(results).toHaveLength(version < 2 && errorCode === 0 ? 1 : 0);
    return errorCode;
  };
  expect(await codes("no.such", 0)).toBe(0);
  expect(await codes("no.such", 5)).toBe(95);
  expect(await codes("group.version", 1)).toBe(0);
  expect(await codes("group.version", 0)).toBe(95);
});

test.each(servedVersions(listConfigResources))("ListConfigResources v%i", async (version) => {
  const broker = new FakeBroker();
  await broker.createTopic("t");
  await setConfig(broker, groupType, "g", "consumer.session.timeout.ms", "50000");
  const ask = async (...resourceTypes: number[]) => (await broker.ask(listConfigResources, version, { resourceTypes }))!;
  const names = async (...types: number[]) =>
    (await ask(...types)).configResources.map(({ resourceType, resourceName }) => `${resourceType} ${resourceName}`);
  if (version === 0) {
    expect(await names()).toEqual([]);
    return;
  }
  expect(await names()).toEqual(["2 t", "4 0", "32 g", "8 0"]);
  expect(await names(32)).toEqual(["32 g"]);
  expect(await ask(77)).toMatchObject({ errorCode: 35, configResources: [] });
});
