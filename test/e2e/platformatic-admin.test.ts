/** Every function of the @platformatic/kafka admin client, with what it answers when all is well and the error it gets when not. */
import {
  ConfigResourceTypes,
  FindCoordinatorKeyTypes,
  IncrementalAlterConfigOperationTypes,
  ListOffsetTimestamps,
} from "@platformatic/kafka";
import { describe, test } from "vitest";
import { eventually, fast, sharedServer } from "./kante-process.ts";
import { Platformatic } from "./platformatic-client.ts";

const running = sharedServer({ args: fast });

/** Whether an error, or one that it was made of, has Kafka's code. */
const withCode = (apiCode: number) => (error: unknown) =>
  Boolean((error as { findBy?(name: string, value: unknown): unknown }).findBy?.("apiCode", apiCode));

describe.concurrent("@platformatic/kafka admin", () => {
  test("createTopics, createPartitions, listTopics, deleteTopics", async ({ expect, onTestFinished }) => {
    const admin = new Platformatic(running().bootstrap, onTestFinished).admin();
    const assignments = [0, 1].map((partition) => ({ partition, brokers: [0] }));
    const created = await admin.createTopics({ topics: ["defaulted", { topic: "assigned", assignments }] });
    expect(created).toMatchObject([
      { name: "defaulted", partitions: 4, replicas: 1, configuration: { "cleanup.policy": "delete" } },
      { name: "assigned", partitions: 2, replicas: 1 },
    ]);
    expect(await admin.listTopics()).toEqual(expect.arrayContaining(["assigned", "defaulted"]));
    expect(await admin.listTopics({ includeInternals: true })).toEqual(expect.arrayContaining(["assigned"]));
    const grow = (count: number, validateOnly = false) =>
      admin.createPartitions({ topics: [{ name: "assigned", count, assignments: null }], validateOnly });
    await grow(3, true);
    const metadata = async () => (await admin.metadata({ topics: ["assigned"], forceUpdate: true })).topics.get("assigned");
    expect((await metadata())?.id).toBe(created.find(({ name }) => name === "assigned")?.id);
    const partitions = async () => (await metadata())?.partitionsCount;
    expect(await partitions()).toBe(2);
    await grow(3);
    expect(await partitions()).toBe(3);
    await expect(grow(3)).rejects.toSatisfy(withCode(37));
    await expect(admin.createTopics({ topics: ["assigned"] })).rejects.toSatisfy(withCode(36));
    await expect(admin.createTopics({ topics: ["a b"] })).rejects.toSatisfy(withCode(17));
    await admin.deleteTopics({ topics: ["assigned", "defaulted"] });
    await expect(admin.deleteTopics({ topics: ["assigned"] })).rejects.toSatisfy(withCode(3));
  });

  test("configs of topics, brokers and groups", async ({ expect, onTestFinished }) => {
    const admin = new Platformatic(running().bootstrap, onTestFinished).admin();
    await admin.createTopics({ topics: ["configured"] });
    const topic = { resourceType: ConfigResourceTypes.TOPIC, resourceName: "configured" };
    const valueOf = async (name: string) => {
      const [described] = await admin.describeConfigs({
        resources: [{ ...topic, configurationKeys: [name] }],
        includeSynonyms: true,
        includeDocumentation: true,
      });
      expect(described?.configs[0]?.documentation).toMatch(/\w/);
      return described?.configs[0]?.value;
    };
    const { SET, DELETE, APPEND } = IncrementalAlterConfigOperationTypes;
    const alter = (name: string, configOperation: 0 | 1 | 2 | 3, value: string) =>
      admin.incrementalAlterConfigs({ resources: [{ ...topic, configs: [{ name, configOperation, value }] }] });
    await alter("max.message.bytes", SET, "2000");
    await alter("cleanup.policy", APPEND, "compact");
    expect([await valueOf("max.message.bytes"), await valueOf("cleanup.policy")]).toEqual(["2000", "delete,compact"]);
    await alter("max.message.bytes", DELETE, "");
    expect(await valueOf("max.message.bytes")).toBe("1048588");
    await expect(alter("max.message.bytes", SET, "-3")).rejects.toSatisfy(withCode(40));
    // The older request replaces everything that was set.
    await admin.alterConfigs({ resources: [{ ...topic, configs: [{ name: "retention.ms", value: "1000" }] }] });
    expect([await valueOf("retention.ms"), await valueOf("cleanup.policy")]).toEqual(["1000", "delete"]);
    const [broker] = await admin.describeConfigs({
      resources: [{ resourceType: ConfigResourceTypes.BROKER, resourceName: "0", configurationKeys: [] }],
    });
    expect(broker?.configs).toContainEqual(expect.objectContaining({ name: "num.partitions", value: "4" }));
  });

  test("offsets of topics and groups; records deleted", async ({ expect, onTestFinished }) => {
    const kafka = new Platformatic(running().bootstrap, onTestFinished);
    const admin = kafka.admin();
    await admin.createTopics({ topics: ["counted"], partitions: 2, replicas: 1 });
    const messages = [0, 0, 0, 1].map((partition, index) => ({
      topic: "counted",
      partition,
      value: "v",
      timestamp: 1000n + BigInt(index),
    }));
    await kafka.producer().send({ messages });
    const offsets = async (timestamp: bigint) => {
      const partitions = [0, 1].map((partitionIndex) => ({ partitionIndex, timestamp }));
      const [listed] = await admin.listOffsets({ topics: [{ name: "counted", partitions }] });
      return listed?.partitions.toSorted((a, b) => a.partitionIndex - b.partitionIndex).map(({ offset }) => offset);
    };
    expect(await offsets(ListOffsetTimestamps.LATEST)).toEqual([3n, 1n]);
    expect(await offsets(ListOffsetTimestamps.EARLIEST)).toEqual([0n, 0n]);
    expect(await offsets(ListOffsetTimestamps.MAX)).toEqual([2n, 0n]);
    expect(await offsets(1002n)).toEqual([2n, 0n]);
    const remove = (offset: bigint) =>
      admin.deleteRecords({ topics: [{ name: "counted", partitions: [{ partition: 0, offset }] }] });
    expect(await remove(1n)).toMatchObject([{ partitions: [{ partition: 0, lowWatermark: 1n }] }]);
    await expect(remove(9n)).rejects.toSatisfy(withCode(1));
    expect(await offsets(ListOffsetTimestamps.EARLIEST)).toEqual([1n, 0n]);

    const groupId = "counted-group";
    const topics = [{ name: "counted", partitionOffsets: [0, 1].map((partition) => ({ partition, offset: 1n })) }];
    await admin.alterConsumerGroupOffsets({ groupId, topics });
    const committed = async () => {
      const [group] = await admin.listConsumerGroupOffsets({
        groups: [{ groupId, topics: [{ name: "counted", partitionIndexes: [0, 1] }] }],
      });
      return group?.topics[0]?.partitions.map(({ committedOffset }) => committedOffset);
    };
    expect(await committed()).toEqual([1n, 1n]);
    await admin.deleteConsumerGroupOffsets({ groupId, topics: [{ name: "counted", partitionIndexes: [0] }] });
    expect(await committed()).toEqual([-1n, 1n]);
    expect(await admin.listConsumerGroupOffsets({ groups: [groupId], requireStable: true })).toMatchObject([
      { groupId, topics: [{ name: "counted", partitions: [{ partitionIndex: 1, committedOffset: 1n }] }] },
    ]);
  });

  test("groups: found, listed by state and type, described, emptied, deleted", async ({ expect, onTestFinished }) => {
    const kafka = new Platformatic(running().bootstrap, onTestFinished);
    const admin = kafka.admin();
    await admin.createTopics({ topics: ["grouped"], partitions: 2, replicas: 1 });
    const [coordinator] = await admin.findCoordinator({ keyType: FindCoordinatorKeyTypes.GROUP, keys: ["lively"] });
    expect(`${coordinator?.host}:${coordinator?.port}`).toBe(running().bootstrap);
    const member = await kafka.member("lively", "grouped");
    const newer = await kafka.member("newer", "grouped", "consumer");
    await eventually(() => member.partitions.length === 2 && newer.partitions.length === 2);
    const listed = async (options: Parameters<typeof admin.listGroups>[0]) => [...(await admin.listGroups(options)).keys()];
    // A member of the consumer protocol still has to say that it took what it was given.
    await eventually(async () => (await listed({ states: ["STABLE"], types: ["consumer"] })).includes("newer"));
    expect(await listed({ states: ["STABLE"] })).toContain("lively");
    expect(await listed({ types: ["consumer"] })).toEqual(["newer"]);
    expect(await listed({ states: ["EMPTY"], types: ["classic"] })).not.toContain("lively");
    const group = (await admin.describeGroups({ groups: ["lively"], includeAuthorizedOperations: true })).get("lively");
    expect(group).toMatchObject({ state: "Stable", protocolType: "consumer" });
    const [described] = group?.members.values() ?? [];
    expect(described).toMatchObject({ clientId: "platformatic", clientHost: "/127.0.0.1" });
    expect(described?.assignments?.get("grouped")?.partitions.toSorted()).toEqual([0, 1]);
    await expect(admin.deleteGroups({ groups: ["lively"] })).rejects.toSatisfy(withCode(68));
    await newer.leave();
    await member.leave();
    await admin.deleteGroups({ groups: ["lively", "newer"] });
    await expect(admin.deleteGroups({ groups: ["lively"] })).rejects.toSatisfy(withCode(69));
  });

  test("members are removed from a group", async ({ expect, onTestFinished }) => {
    const kafka = new Platformatic(running().bootstrap, onTestFinished);
    const admin = kafka.admin();
    await admin.createTopics({ topics: ["removed"], partitions: 1, replicas: 1 });
    const consumer = kafka.consumer({ groupId: "removed", groupInstanceId: "static" });
    await consumer.joinGroup();
    const members = async () => (await admin.describeGroups({ groups: ["removed"] })).get("removed")?.members;
    expect([...((await members())?.values() ?? [])]).toMatchObject([{ groupInstanceId: "static" }]);
    await consumer.close(true);
    const [left] = (await members())?.keys() ?? [];
    if (left !== undefined) await admin.removeMembersFromConsumerGroup({ groupId: "removed", members: [{ memberId: left }] });
    expect((await members())?.size).toBe(0);
  });

  test("log directories and quotas", async ({ expect, onTestFinished }) => {
    const kafka = new Platformatic(running().bootstrap, onTestFinished);
    const admin = kafka.admin();
    await admin.createTopics({ topics: ["weighed"], partitions: 1, replicas: 1 });
    await kafka.producer().send({ messages: [{ topic: "weighed", value: "v".repeat(100) }] });
    const [logs] = await admin.describeLogDirs({ topics: [{ name: "weighed", partitions: [0] }] });
    expect(logs?.results[0]?.topics[0]?.partitions[0]?.partitionSize).toBeGreaterThan(100n);
    const entities = [{ entityType: "client-id" as const, entityName: "quota" }];
    const alter = (op: { readonly value: number; readonly remove: false } | { readonly remove: true }) =>
      admin.alterClientQuotas({ entries: [{ entities, ops: [{ key: "producer_byte_rate", ...op }] }] });
    const quotas = () => admin.describeClientQuotas({ components: [{ entityType: "client-id", matchType: 0, match: "quota" }] });
    await alter({ value: 5000, remove: false });
    expect(await quotas()).toMatchObject([{ values: [{ key: "producer_byte_rate", value: 5000 }] }]);
    await alter({ remove: true });
    expect(await quotas()).toEqual([]);
  });
});
