/** Every function of the kafkajs admin client, with what it answers when all is well and the error it gets when not. */
import { ConfigResourceTypes, type Admin } from "kafkajs";
import { describe, test } from "vitest";
import { KafkaJs } from "./kafkajs-client.ts";
import { eventually, fast, sharedServer } from "./kante-process.ts";

const running = sharedServer({ args: fast });

const byPartition = <Entry extends { readonly partition: number }>(entries: readonly Entry[]) =>
  entries.toSorted((a, b) => a.partition - b.partition);

async function withRecords(kafka: KafkaJs, topic: string, numPartitions: number, each: number): Promise<Admin> {
  const admin = await kafka.admin();
  await admin.createTopics({ topics: [{ topic, numPartitions }] });
  const producer = await kafka.producer();
  const partitions = Array.from({ length: numPartitions }, (_, partition) => partition);
  const messages = partitions.flatMap((partition) =>
    Array.from({ length: each }, (_, index) => ({ value: String(index), partition, timestamp: String(1_700_000_000_000 + index) })),
  );
  await producer.send({ topic, messages });
  return admin;
}

describe.concurrent("kafkajs admin", () => {
  test("createTopics: several at once, with assignments, validated only, refused", async ({ expect, onTestFinished }) => {
    const admin = await new KafkaJs(running().bootstrap, onTestFinished).admin();
    const replicaAssignment = [0, 1].map((partition) => ({ partition, replicas: [0] }));
    expect(await admin.createTopics({ topics: [{ topic: "one" }, { topic: "two", replicaAssignment }] })).toBe(true);
    const { topics } = await admin.fetchTopicMetadata({ topics: ["one", "two"] });
    topics.sort((a, b) => (a.name < b.name ? -1 : 1));
    expect(topics.map(({ name, partitions }) => [name, partitions.length])).toEqual([
      ["one", 4],
      ["two", 2],
    ]);
    expect(topics[1]?.partitions[0]).toMatchObject({
      partitionErrorCode: 0,
      leader: 0,
      replicas: [0],
      isr: [0],
      offlineReplicas: [],
    });
    expect(await admin.createTopics({ topics: [{ topic: "one" }] })).toBe(false);
    expect(await admin.createTopics({ validateOnly: true, waitForLeaders: false, topics: [{ topic: "never" }] })).toBe(true);
    expect(await admin.listTopics()).not.toContain("never");
    await expect(admin.createTopics({ topics: [{ topic: "a/b" }] })).rejects.toMatchObject({
      errors: [{ type: "INVALID_TOPIC_EXCEPTION", topic: "a/b" }],
    });
    const configEntries = [{ name: "retention.ms", value: "soon" }];
    await expect(admin.createTopics({ topics: [{ topic: "never", configEntries }] })).rejects.toMatchObject({
      errors: [{ type: "INVALID_CONFIG" }],
    });
    await expect(admin.createTopics({ topics: [{ topic: "never", numPartitions: 0 }] })).rejects.toMatchObject({
      errors: [{ type: "INVALID_PARTITIONS" }],
    });
  });

  test("createPartitions, deleteTopics and fetchTopicMetadata say what is wrong", async ({ expect, onTestFinished }) => {
    const admin = await new KafkaJs(running().bootstrap, onTestFinished).admin();
    await admin.createTopics({ topics: [{ topic: "grown", numPartitions: 2 }] });
    await admin.createPartitions({ topicPartitions: [{ topic: "grown", count: 5 }], validateOnly: true });
    const count = async () => (await admin.fetchTopicMetadata({ topics: ["grown"] })).topics[0]?.partitions.length;
    expect(await count()).toBe(2);
    await admin.createPartitions({ topicPartitions: [{ topic: "grown", count: 3, assignments: [[0]] }] });
    expect(await count()).toBe(3);
    await expect(admin.createPartitions({ topicPartitions: [{ topic: "grown", count: 2 }] })).rejects.toMatchObject({
      type: "INVALID_PARTITIONS",
    });
    await expect(admin.fetchTopicMetadata({ topics: ["no name!"] })).rejects.toThrow();
    await admin.deleteTopics({ topics: ["grown"] });
    expect(await admin.listTopics()).not.toContain("grown");
  });

  test("offsets: of topics, by time, of groups; set, resolved, reset", async ({ expect, onTestFinished }) => {
    const admin = await withRecords(new KafkaJs(running().bootstrap, onTestFinished), "offsets", 2, 4);
    expect(byPartition(await admin.fetchTopicOffsets("offsets"))).toEqual(
      [0, 1].map((partition) => ({ partition, offset: "4", high: "4", low: "0" })),
    );
    const at = async (timestamp?: number) => byPartition(await admin.fetchTopicOffsetsByTimestamp("offsets", timestamp));
    expect(await at(1_700_000_000_002)).toEqual([0, 1].map((partition) => ({ partition, offset: "2" })));
    expect(await at(1_800_000_000_000)).toEqual([0, 1].map((partition) => ({ partition, offset: "4" })));

    const groupId = "offsets-group";
    const committed = async () => {
      const [topic] = await admin.fetchOffsets({ groupId, topics: ["offsets"] });
      return byPartition(topic?.partitions ?? []).map(({ offset }) => offset);
    };
    expect(await committed()).toEqual(["-1", "-1"]);
    await admin.setOffsets({ groupId, topic: "offsets", partitions: [{ partition: 1, offset: "3" }] });
    expect(await committed()).toEqual(["-1", "3"]);
    // All topics of the group.
    expect(await admin.fetchOffsets({ groupId })).toMatchObject([
      { topic: "offsets", partitions: [{ partition: 1, offset: "3" }] },
    ]);
    // Kept as "the end", which is found when somebody asks.
    await admin.resetOffsets({ groupId, topic: "offsets", earliest: false });
    expect(await committed()).toEqual(["-1", "-1"]);
  });

  test("groups: listed and described with members, kept while these run, deleted after", async ({ expect, onTestFinished }) => {
    const kafka = new KafkaJs(running().bootstrap, onTestFinished);
    const admin = await withRecords(kafka, "grouped", 2, 1);
    const member = await kafka.member("lively", "grouped");
    await eventually(() => member.payloads.length === 2);
    const { groups } = await admin.listGroups();
    expect(groups).toContainEqual(expect.objectContaining({ groupId: "lively", protocolType: "consumer" }));
    const described = await admin.describeGroups(["lively", "not-there"]);
    expect(described.groups).toMatchObject([
      { groupId: "lively", state: "Stable", protocol: "RoundRobinAssigner", protocolType: "consumer", errorCode: 0 },
      { groupId: "not-there", state: "Dead", members: [] },
    ]);
    expect(described.groups[0]?.members).toMatchObject([{ clientId: "kafkajs", clientHost: "/127.0.0.1" }]);
    await expect(
      admin.setOffsets({ groupId: "lively", topic: "grouped", partitions: [{ partition: 0, offset: "0" }] }),
    ).rejects.toThrow("must have no running instances");
    await expect(admin.deleteGroups(["lively", "not-there"])).rejects.toMatchObject({
      groups: [
        { groupId: "lively", errorCode: 68 },
        { groupId: "not-there", errorCode: 69 },
      ],
    });
    await member.leave();
    expect(await admin.deleteGroups(["lively"])).toEqual([{ groupId: "lively", errorCode: 0 }]);
  });

  test("configs: described with synonyms, altered, validated only, refused", async ({ expect, onTestFinished }) => {
    const admin = await new KafkaJs(running().bootstrap, onTestFinished).admin();
    await admin.createTopics({ topics: [{ topic: "configured" }] });
    const topic = { type: ConfigResourceTypes.TOPIC, name: "configured" };
    const alter = (value: string, validateOnly = false) =>
      admin.alterConfigs({ validateOnly, resources: [{ ...topic, configEntries: [{ name: "cleanup.policy", value }] }] });
    const described = async () => {
      const resources = [{ ...topic, configNames: ["cleanup.policy"] }];
      return (await admin.describeConfigs({ resources, includeSynonyms: true })).resources[0]?.configEntries[0];
    };
    await alter("compact", true);
    expect(await described()).toMatchObject({ configValue: "delete", isDefault: true, readOnly: false, isSensitive: false });
    await alter("compact");
    expect(await described()).toMatchObject({
      configName: "cleanup.policy",
      configValue: "compact",
      isDefault: false,
      configSource: 1,
    });
    expect((await described())?.configSynonyms).toEqual([
      { configName: "cleanup.policy", configValue: "compact", configSource: 1 },
      { configName: "log.cleanup.policy", configValue: "delete", configSource: 5 },
    ]);
    await expect(alter("shred")).rejects.toMatchObject({ type: "INVALID_CONFIG" });
    const broker = await admin.describeConfigs({
      resources: [{ type: ConfigResourceTypes.BROKER, name: "0" }],
      includeSynonyms: false,
    });
    expect(broker.resources[0]?.configEntries).toContainEqual(
      expect.objectContaining({ configName: "num.partitions", configValue: "4" }),
    );
  });

  test("records are deleted up to an offset, or all of them", async ({ expect, onTestFinished }) => {
    const kafka = new KafkaJs(running().bootstrap, onTestFinished);
    const admin = await withRecords(kafka, "shortened", 2, 4);
    // kafkajs looks for leaders among the topics it has heard of.
    await admin.fetchTopicOffsets("shortened");
    const partitions = [
      { partition: 0, offset: "3" },
      { partition: 1, offset: "-1" },
    ];
    await admin.deleteTopicRecords({ topic: "shortened", partitions });
    expect(byPartition(await admin.fetchTopicOffsets("shortened")).map(({ low, high }) => [low, high])).toEqual([
      ["3", "4"],
      ["4", "4"],
    ]);
    const member = await kafka.member("shortened", "shortened");
    await eventually(() => member.payloads.length >= 1);
    expect(member.values).toEqual(["3"]);
    await expect(
      admin.deleteTopicRecords({ topic: "shortened", partitions: [{ partition: 0, offset: "99" }] }),
    ).rejects.toMatchObject({ message: expect.stringContaining("Error while deleting records") });
  });

  test("the cluster is described; nothing is ever being reassigned", async ({ expect, onTestFinished }) => {
    const admin = await new KafkaJs(running().bootstrap, onTestFinished).admin();
    await admin.createTopics({ topics: [{ topic: "placed", numPartitions: 1 }] });
    const cluster = await admin.describeCluster();
    const [host, port] = running().bootstrap.split(":");
    expect(cluster).toMatchObject({ controller: 0, brokers: [{ nodeId: 0, host, port: Number(port) }] });
    expect(cluster.clusterId).toMatch(/^[\w-]{22}$/);
    const where = (node: number) => ({ topics: [{ topic: "placed", partitionAssignment: [{ partition: 0, replicas: [node] }] }] });
    await admin.alterPartitionReassignments(where(0));
    await expect(admin.alterPartitionReassignments(where(7))).rejects.toMatchObject({
      errors: [{ type: "INVALID_REPLICA_ASSIGNMENT", topic: "placed", partition: 0 }],
    });
    expect((await admin.listPartitionReassignments({})).topics).toEqual([]);
  });
});
