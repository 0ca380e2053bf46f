/**
 * Requests that name very much: all clients of a broker wait while one is worked on [I9], so nothing in it may be compared with
 * everything else in it, and coordinators are asked some at a time [I8].
 */
import { describe, expect, test } from "vitest";
import type { GroupClient } from "../../core/group/group-client.ts";
import { listOffsets } from "../../protocol/messages/02-list-offsets.ts";
import { offsetFetch } from "../../protocol/messages/09-offset-fetch.ts";
import { describeGroups } from "../../protocol/messages/15-describe-groups.ts";
import { createTopics } from "../../protocol/messages/19-create-topics.ts";
import { deleteTopics } from "../../protocol/messages/20-delete-topics.ts";
import { initProducerId } from "../../protocol/messages/22-init-producer-id.ts";
import { createPartitions } from "../../protocol/messages/37-create-partitions.ts";
import { deleteGroups } from "../../protocol/messages/42-delete-groups.ts";
import { incrementalAlterConfigs } from "../../protocol/messages/44-incremental-alter-configs.ts";
import { describeTransactions } from "../../protocol/messages/65-describe-transactions.ts";
import { listTransactions } from "../../protocol/messages/66-list-transactions.ts";
import { consumerGroupDescribe } from "../../protocol/messages/69-consumer-group-describe.ts";
import { repeated } from "../../worker/handlers/repeated.ts";
import { sideBySide } from "../../worker/handlers/side-by-side.ts";
import { FakeBroker } from "./fake-broker.ts";

/** Compared with each other they would take minutes. */
const names = Array.from({ length: 30_000 }, (_, index) => `t${index}`);
const configs = [{ name: "retention.ms", configOperation: 0, value: "1" }];

test("[I9] a request that names thirty thousand topics is answered for each of them", async () => {
  const broker = new FakeBroker();
  const codes: Record<string, readonly number[]> = {
    listOffsets: (await broker.ask(listOffsets, 8, {
      topics: names.map((name) => ({ name, partitions: [{ partitionIndex: 0, timestamp: -1n }] })),
    }))!.topics.map(({ partitions }) => partitions[0]!.errorCode),
    deleteTopics: (await broker.ask(deleteTopics, 6, { topics: names.map((name) => ({ name })) }))!.responses.map(
      ({ errorCode }) => errorCode,
    ),
    createPartitions: (await broker.ask(createPartitions, 3, {
      topics: names.map((name) => ({ name, count: 2, assignments: null })),
    }))!.results.map(({ errorCode }) => errorCode),
    createTopics: (await broker.ask(createTopics, 7, {
      topics: names.map((name) => ({ name, numPartitions: 0, replicationFactor: 1 })),
    }))!.topics.map(({ errorCode }) => errorCode),
    alterConfigs: (await broker.ask(incrementalAlterConfigs, 1, {
      resources: names.map((resourceName) => ({ resourceType: 2, resourceName, configs })),
    }))!.responses.map(({ errorCode }) => errorCode),
  };
  for (const [api, answered] of Object.entries(codes)) {
    expect([api, answered.length]).toEqual([api, names.length]);
    expect([api, [...new Set(answered)]]).toEqual([api, [api === "createTopics" ? 37 : 3]]);
  }
});

test("what is named more than once is found, however often", () => {
  expect([...repeated(["a", "b", "a", "c", "b", "a"])]).toEqual(["a", "b"]);
  expect(repeated([]).size).toBe(0);
});

test("[I8] coordinators are asked some at a time, and answers stand in the order of the questions", async () => {
  let underWay = 0;
  let most = 0;
  const asked = Array.from({ length: 500 }, (_, index) => index);
  const answers = await sideBySide(asked, async (index) => {
    most = Math.max(most, ++underWay);
    // Some take longer than others.
    for (let turn = 0; turn <= index % 7; turn++) await Promise.resolve();
    underWay--;
    return index * 2;
  });
  expect(answers).toEqual(asked.map((index) => index * 2));
  expect(most).toBe(32);
  expect(await sideBySide([], async () => 1)).toEqual([]);
  let put = 0;
  const failing = async (index: number) => {
    put += 1;
    await Promise.resolve();
    if (index === 40) throw new Error("gone");
  };
  await expect(sideBySide(asked, failing)).rejects.toThrow("gone");
  expect(put).toBeLessThanOrEqual(41 + 32);
});

describe("[I9] of many groups and transactional ids only those are asked that the controller knows", () => {
  const many = ["there", ...names];
  const missing = 69;

  /** A group that is there; asking any other breaks the request. */
  async function brokerWithGroup(): Promise<FakeBroker> {
    const broker = new FakeBroker();
    const noError = { errorCode: 0, errorMessage: null };
    const classic = { groupState: "Stable", protocolType: "consumer", protocolData: "range", members: [] };
    const consumer = { groupState: "Stable", groupEpoch: 4, assignmentEpoch: 4, assignorName: "uniform", members: [] };
    const topics = [
      { topicId: "", name: "t", partitions: [{ partition: 0, offset: 5, leaderEpoch: -1, metadata: "", errorCode: 0 }] },
    ];
    const topicId = await broker.createTopic("t");
    await broker.controller.registerGroup("there");
    broker.groups.set("there", {
      describe: async () => ({ ...noError, ...classic }),
      describeConsumer: async () => ({ ...noError, ...consumer }),
      fetchOffsets: async () => ({ errorCode: 0, topics: topics.map((topic) => ({ ...topic, topicId })) }),
      delete: async () => ({ errorCode: 0 }),
    } as Partial<GroupClient> as GroupClient);
    return broker;
  }

  test("OffsetFetch", async () => {
    const asked = many.map((groupId) => ({ groupId, topics: [{ name: "t", partitionIndexes: [0] }] }));
    const { groups } = (await (await brokerWithGroup()).ask(offsetFetch, 8, { groups: asked }))!;
    expect(groups.map(({ groupId }) => groupId)).toEqual(many);
    const offsets = groups.map(({ errorCode, topics }) => [errorCode, topics[0]!.partitions[0]!.committedOffset]);
    expect(offsets[0]).toEqual([0, 5n]);
    expect(offsets.slice(1).every(([errorCode, offset]) => errorCode === 0 && offset === -1n)).toBe(true);
    const everything = many.map((groupId) => ({ groupId, topics: null }));
    const all = (await (await brokerWithGroup()).ask(offsetFetch, 8, { groups: everything }))!;
    expect(all.groups.filter(({ topics }) => topics.length > 0)).toHaveLength(1);
  });

  test("DescribeGroups", async () => {
    const { groups } = (await (await brokerWithGroup()).ask(describeGroups, 6, { groups: many }))!;
    expect(groups.map(({ groupId }) => groupId)).toEqual(many);
    expect(groups[0]).toMatchObject({ errorCode: 0, groupState: "Stable" });
    expect(groups[1]).toMatchObject({ errorCode: missing, groupState: "Dead", errorMessage: "Group t0 not found." });
    expect(new Set(groups.slice(1).map(({ errorCode }) => errorCode))).toEqual(new Set([missing]));
  });

  test("ConsumerGroupDescribe", async () => {
    const { groups } = (await (await brokerWithGroup()).ask(consumerGroupDescribe, 1, { groupIds: many }))!;
    expect(groups.map(({ groupId }) => groupId)).toEqual(many);
    expect(groups[0]).toMatchObject({ errorCode: 0, groupEpoch: 4 });
    expect(groups[1]).toMatchObject({ errorCode: missing, errorMessage: "Group t0 not found." });
  });

  test("DeleteGroups", async () => {
    const { results } = (await (await brokerWithGroup()).ask(deleteGroups, 2, { groupsNames: many }))!;
    expect(results.map(({ errorCode }) => errorCode)).toEqual([0, ...names.map(() => missing)]);
  });

  test("DescribeTransactions", async () => {
    const broker = new FakeBroker();
    await broker.ask(initProducerId, 4, { transactionalId: "there", transactionTimeoutMs: 1000 });
    broker.transactions.asked.length = 0;
    const { transactionStates } = (await broker.ask(describeTransactions, 0, { transactionalIds: [...many, ""] }))!;
    expect(transactionStates.map(({ errorCode }) => errorCode)).toEqual([0, ...names.map(() => 105), 42]);
    expect(broker.transactions.asked).toEqual(["describe"]);
  });

  test("ListTransactions: five thousand ids, those that the filters leave, some at a time, and never their partitions", async () => {
    const broker = new FakeBroker();
    const ids = Array.from({ length: 5000 }, (_, index) => `t${String(index).padStart(4, "0")}`);
    for (const transactionalId of ids) await broker.ask(initProducerId, 4, { transactionalId, transactionTimeoutMs: 1000 });
    const { asked } = broker.transactions;
    const list = async (filters: object) => {
      asked.length = 0;
      const request = { stateFilters: [], producerIdFilters: [], ...filters };
      const { transactionStates } = (await broker.ask(listTransactions, 2, request))!;
      expect(new Set(asked)).toEqual(new Set(asked.length === 0 ? [] : ["list"]));
      return { listed: transactionStates.map(({ transactionalId }) => transactionalId), asked: asked.length };
    };
    expect(await list({})).toEqual({ listed: ids, asked: 5000 });
    expect(await list({ transactionalIdPattern: "t012." })).toEqual({ listed: ids.slice(120, 130), asked: 10 });
    expect(await list({ stateFilters: ["Ongoing"], transactionalIdPattern: "t012." })).toEqual({ listed: [], asked: 10 });
    expect(await list({ stateFilters: ["Dead", "PrepareEpochFence", "Odd"] })).toEqual({ listed: [], asked: 0 });
    expect(await list({ producerIdFilters: [0n] })).toEqual({ listed: ["t0000"], asked: 5000 });
  });

  test("few are asked for without the controller", async () => {
    const broker = await brokerWithGroup();
    await broker.controller.unregisterGroup("there");
    const { groups } = (await broker.ask(describeGroups, 6, { groups: Array.from({ length: 8 }, () => "there") }))!;
    expect(groups.map(({ errorCode }) => errorCode)).toEqual(Array.from({ length: 8 }, () => 0));
  });
});
