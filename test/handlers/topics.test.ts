/**
 * CreateTopics, DeleteTopics and InitProducerId in every version.
 */
import { describe, expect, test, vi } from "vitest";
import { topicConfigs } from "../../core/cluster/topic-configs.ts";
import { createTopics } from "../../protocol/messages/19-create-topics.ts";
import { deleteTopics } from "../../protocol/messages/20-delete-topics.ts";
import { initProducerId } from "../../protocol/messages/22-init-producer-id.ts";
import { FakeBroker, servedVersions } from "./fake-broker.ts";

const zeroId = "00000000-0000-0000-0000-000000000000";
const plain = { numPartitions: -1, replicationFactor: -1 };

describe("CreateTopics", () => {
  test.each(servedVersions(createTopics))("v%i creates with defaults and tells what came of it", async (version) => {
    const broker = new FakeBroker({ settings: { "num.partitions": 6 } });
    const configs = [{ name: "retention.ms", value: "1000" }];
    const [topic] = (await broker.ask(createTopics, version, { topics: [{ name: "t", ...plain, configs }] }))!.topics;
    expect(topic).toMatchObject({ name: "t", errorCode: 0, errorMessage: null });
    const entry = (await broker.catalog.byName("t"))!;
    expect(entry.partitions).toHaveLength(6);
    expect(entry.configs).toEqual({ "retention.ms": "1000" });
    if (version >= 5) {
      expect(topic).toMatchObject({ numPartitions: 6, replicationFactor: 1 });
      expect(topic!.configs!.map(({ name }) => name)).toEqual([...topicConfigs.keys()]);
      expect(topic!.configs!.find(({ name }) => name === "retention.ms")).toMatchObject({ value: "1000", configSource: 1 });
      expect(topic!.configs!.find(({ name }) => name === "segment.ms")).toMatchObject({ value: "604800000", configSource: 5 });
    }
    if (version >= 7) expect(topic!.topicId).toBe(entry.id);
  });

  test("any replication factor is accepted and comes to one replica", async () => {
    const broker = new FakeBroker();
    const [topic] = (await broker.ask(createTopics, 5, { topics: [{ name: "t", numPartitions: 2, replicationFactor: 3 }] }))!
      .topics;
    expect(topic).toMatchObject({ errorCode: 0, numPartitions: 2, replicationFactor: 1 });
  });

  test("validateOnly tells the outcome and creates nothing", async () => {
    const broker = new FakeBroker();
    const topics = [
      { name: "good", ...plain },
      { name: "bad name", ...plain },
    ];
    const answer = (await broker.ask(createTopics, 7, { topics, validateOnly: true }))!;
    expect(answer.topics.map(({ name, errorCode, topicId }) => [name, errorCode, topicId])).toEqual([
      ["good", 0, zeroId],
      ["bad name", 17, zeroId],
    ]);
    expect(await broker.catalog.all()).toEqual([]);
  });

  test("each topic has its own outcome; one that is named twice is refused as a whole", async () => {
    const broker = new FakeBroker();
    await broker.createTopic("old");
    const topics = [
      { name: "twice", ...plain },
      { name: "old", ...plain },
      { name: "new", ...plain },
      { name: "none", numPartitions: 0, replicationFactor: 1 },
      { name: "odd", ...plain, configs: [{ name: "retention.ms", value: "soon" }] },
      { name: "twice", ...plain },
    ];
    const answer = (await broker.ask(createTopics, 4, { topics }))!;
    expect(answer.topics.map(({ name, errorCode }) => [name, errorCode])).toEqual([
      ["old", 36],
      ["new", 0],
      ["none", 37],
      ["odd", 40],
      ["twice", 42],
    ]);
    for (const { errorCode, errorMessage } of answer.topics) expect(errorMessage === null).toBe(errorCode === 0);
  });
});

describe("DeleteTopics", () => {
  test.each(servedVersions(deleteTopics))("v%i deletes by name; what is gone is gone at once", async (version) => {
    const broker = new FakeBroker();
    const topicId = await broker.createTopic("t");
    await broker.catalog.all();
    const request = version >= 6 ? { topics: [{ name: "t" }, { name: "none" }] } : { topicNames: ["t", "none"] };
    const { responses } = (await broker.ask(deleteTopics, version, request))!;
    expect(responses.map(({ name, errorCode }) => [name, errorCode])).toEqual([
      ["t", 0],
      ["none", 3],
    ]);
    if (version >= 6) expect(responses[0]!.topicId).toBe(topicId);
    expect(broker.catalog.knownByName("t")).toBeUndefined();
    expect(await broker.catalog.byName("t")).toBeUndefined();
  });

  test("v6 deletes by id and says what is wrong with each other question", async () => {
    const broker = new FakeBroker();
    const [a, b, c] = [await broker.createTopic("a"), await broker.createTopic("b"), await broker.createTopic("c")];
    const strange = "11111111-1111-4111-8111-111111111111";
    const topics = [
      { topicId: a },
      { topicId: strange },
      { name: null },
      { name: "b", topicId: b },
      { name: "c" },
      { topicId: c },
    ].map(({ name = null, topicId = zeroId }: { name?: string | null; topicId?: string }) => ({ name, topicId }));
    const { responses } = (await broker.ask(deleteTopics, 6, { topics }))!;
    expect(responses.map(({ name, topicId, errorCode }) => [name, topicId, errorCode])).toEqual([
      ["a", a, 0],
      [null, strange, 100],
      [null, zeroId, 42],
      ["b", b, 42],
      ["c", c, 42],
    ]);
  });

  test("a name given twice is refused once", async () => {
    const broker = new FakeBroker();
    await broker.createTopic("t");
    const { responses } = (await broker.ask(deleteTopics, 5, { topicNames: ["t", "t"] }))!;
    expect(responses).toMatchObject([{ name: "t", errorCode: 42, errorMessage: "Duplicate topic name." }]);
    expect(await broker.catalog.byName("t")).toBeDefined();
  });

  test("a topic that is created anew has another id", async () => {
    const broker = new FakeBroker();
    const before = await broker.createTopic("t");
    await broker.ask(deleteTopics, 1, { topicNames: ["t"] });
    expect(await broker.createTopic("t")).not.toBe(before);
  });
});

describe("InitProducerId", () => {
  test("a controller that cannot be reached is an error that clients retry, and is forgotten", async () => {
    const broker = new FakeBroker();
    vi.spyOn(broker.controller, "allocateProducerIds").mockRejectedValueOnce(new Error("reset"));
    const ask = async () => (await broker.ask(initProducerId, 4, { transactionalId: null, transactionTimeoutMs: 60_000 }))!;
    expect(await ask()).toMatchObject({ errorCode: 14, producerId: -1n });
    expect(await ask()).toMatchObject({ errorCode: 0 });
  });

  test.each(servedVersions(initProducerId))("v%i gives every producer its own id", async (version) => {
    const broker = new FakeBroker();
    const ask = async () => (await broker.ask(initProducerId, version, { transactionalId: null, transactionTimeoutMs: 60_000 }))!;
    const [one, two] = [await ask(), await ask()];
    expect(one).toMatchObject({ errorCode: 0, producerEpoch: 0 });
    expect(two.producerId).not.toBe(one.producerId);
  });

  test.each([
    [{ transactionalId: "" }, 42],
    [{ transactionalId: "tx", transactionTimeoutMs: 0 }, 50],
    [{ transactionalId: "x".repeat(1000), transactionTimeoutMs: 1 }, 42],
    [{ transactionalId: null, producerId: 5n, producerEpoch: -1 }, 42],
    [{ transactionalId: null, producerId: -1n, producerEpoch: 3 }, 42],
  ])("%o → %i", async (request, errorCode) => {
    expect(await new FakeBroker().ask(initProducerId, 4, request)).toMatchObject({ errorCode, producerId: -1n, producerEpoch: -1 });
  });
});
