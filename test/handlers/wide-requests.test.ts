/**
 * Requests that name very much: all clients of a broker wait while one is worked on [I9], so nothing in it may be compared with
 * everything else in it, and coordinators are asked some at a time [I8].
 */
import { expect, test } from "vitest";
import { listOffsets } from "../../protocol/messages/02-list-offsets.ts";
import { createTopics } from "../../protocol/messages/19-create-topics.ts";
import { deleteTopics } from "../../protocol/messages/20-delete-topics.ts";
import { createPartitions } from "../../protocol/messages/37-create-partitions.ts";
import { incrementalAlterConfigs } from "../../protocol/messages/44-incremental-alter-configs.ts";
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
  await expect(sideBySide(asked, async () => Promise.reject(new Error("gone")))).rejects.toThrow("gone");
});
