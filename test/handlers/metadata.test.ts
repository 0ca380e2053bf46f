/**
 * What clients of every age learn about brokers and topics: Metadata, DescribeCluster, DescribeTopicPartitions, FindCoordinator,
 * ApiVersions and SaslHandshake.
 */
import { describe, expect, test } from "vitest";
import { groupName } from "../../durable-objects/names.ts";
import { metadata } from "../../protocol/messages/03-metadata.ts";
import { findCoordinator } from "../../protocol/messages/10-find-coordinator.ts";
import { saslHandshake } from "../../protocol/messages/17-sasl-handshake.ts";
import { apiVersions } from "../../protocol/messages/18-api-versions.ts";
import { describeCluster } from "../../protocol/messages/60-describe-cluster.ts";
import { describeTopicPartitions } from "../../protocol/messages/75-describe-topic-partitions.ts";
import { handlers } from "../../worker/handlers.ts";
import { FakeBroker, servedVersions } from "./fake-broker.ts";

const zeroId = "00000000-0000-0000-0000-000000000000";
const unnamed = { topicId: zeroId };

describe("Metadata", () => {
  test.each(servedVersions(metadata))("v%i tells brokers, cluster, controller and partitions", async (version) => {
    const broker = new FakeBroker({ settings: { "brokers.per.zone": 3 } });
    const topicId = await broker.createTopic("t", 9);
    const answer = (await broker.ask(metadata, version, { topics: [{ ...unnamed, name: "t" }] }))!;
    expect(answer.brokers.map(({ nodeId, host, port }) => [nodeId, host, port])).toEqual([
      [0, "broker.test", 9000],
      [1, "broker.test", 9001],
      [2, "broker.test", 9002],
    ]);
    const [topic] = answer.topics;
    expect(topic).toMatchObject({ errorCode: 0, name: "t" });
    expect(topic!.partitions.map(({ partitionIndex }) => partitionIndex)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    const ids = answer.brokers.map(({ nodeId }) => nodeId);
    for (const { leaderId, replicaNodes, isrNodes } of topic!.partitions) {
      expect(ids).toContain(leaderId);
      expect([replicaNodes, isrNodes]).toEqual([[leaderId], [leaderId]]);
    }
    if (version >= 1) expect(ids).toContain(answer.controllerId);
    if (version >= 2) expect(answer.clusterId).toBe("AAAAAAAAAAAAAAAAAAAAAA");
    if (version >= 7) expect(topic!.partitions[0]!.leaderEpoch).toBe(0);
    if (version >= 10) expect(topic!.topicId).toBe(topicId);
  });

  test.each(servedVersions(metadata))("v%i: which array means all topics, and which means none", async (version) => {
    const broker = new FakeBroker();
    await broker.createTopic("b");
    await broker.createTopic("a");
    const empty = (await broker.ask(metadata, version, { topics: [] }))!;
    expect(empty.topics.map(({ name }) => name)).toEqual(version === 0 ? ["a", "b"] : []);
    if (version === 0) return;
    const all = (await broker.ask(metadata, version, { topics: null }))!;
    expect(all.topics.map(({ name }) => name)).toEqual(["a", "b"]);
  });

  test.each([0, 3, 4, 9, 13])("v%i creates an unknown topic in passing, ready to be used", async (version) => {
    const broker = new FakeBroker({ settings: { "num.partitions": 3 } });
    const [topic] = (await broker.ask(metadata, version, { topics: [{ ...unnamed, name: "new" }] }))!.topics;
    expect(topic).toMatchObject({ errorCode: 0, name: "new" });
    expect(topic!.partitions).toHaveLength(3);
  });

  test.each([
    ["the client forbids it", { allowAutoTopicCreation: false }, {}],
    ["the deployment forbids it", {}, { "auto.create.topics.enable": false }],
  ])("creates nothing when %s", async (_who, request, settings) => {
    const broker = new FakeBroker({ settings });
    const [topic] = (await broker.ask(metadata, 12, { ...request, topics: [{ ...unnamed, name: "new" }] }))!.topics;
    expect(topic).toMatchObject({ errorCode: 3, name: "new", topicId: zeroId, partitions: [] });
    expect(await broker.catalog.all()).toEqual([]);
  });

  test("an invalid or colliding name is refused with 17 and creates nothing", async () => {
    const broker = new FakeBroker();
    await broker.createTopic("a.b");
    const names = ["no spaces", "a_b", "good"];
    const { topics } = (await broker.ask(metadata, 9, { topics: names.map((name) => ({ ...unnamed, name })) }))!;
    expect(topics.map(({ name, errorCode }) => [name, errorCode])).toEqual([
      ["no spaces", 17],
      ["a_b", 17],
      ["good", 0],
    ]);
    expect((await broker.catalog.all()).map(({ name }) => name)).toEqual(["a.b", "good"]);
  });

  test.each([null, ""])(
    "topics are found by id from v12, whatever stands as name (%j); an id that nobody has is 100",
    async (name) => {
      const broker = new FakeBroker();
      const topicId = await broker.createTopic("t");
      const strange = "11111111-1111-4111-8111-111111111111";
      const { topics } = (await broker.ask(metadata, 12, { topics: [topicId, strange].map((id) => ({ topicId: id, name })) }))!;
      expect(topics.map(({ name, errorCode }) => [name, errorCode])).toEqual([
        ["t", 0],
        [null, 100],
      ]);
    },
  );

  test("very many missing topics come to be over several requests, as many at a time as may be created at once", async () => {
    const broker = new FakeBroker({ settings: { "num.partitions": 4000 } });
    const topics = ["a", "b", "c"].map((name) => ({ ...unnamed, name }));
    const ask = async () => (await broker.ask(metadata, 9, { topics }))!.topics.map(({ errorCode }) => errorCode);
    expect(await ask()).toEqual([0, 0, 5]);
    expect(await ask()).toEqual([0, 0, 0]);
  });

  test("authorized operations are told only to those who ask", async () => {
    const broker = new FakeBroker();
    await broker.createTopic("t");
    const asked = { includeClusterAuthorizedOperations: true, includeTopicAuthorizedOperations: true };
    const told = (await broker.ask(metadata, 8, { topics: null, ...asked }))!;
    expect([told.clusterAuthorizedOperations, told.topics[0]!.topicAuthorizedOperations]).toEqual([8096, 3576]);
    const untold = (await broker.ask(metadata, 8, { topics: null }))!;
    expect([untold.clusterAuthorizedOperations, untold.topics[0]!.topicAuthorizedOperations]).toEqual([-2147483648, -2147483648]);
  });

  test("[D14] a client id with diskless_az gets the brokers of that zone, others those of the zone they came in through", async () => {
    const broker = new FakeBroker({ settings: { zones: "a,b", "brokers.per.zone": 2 }, zone: "a" });
    await broker.createTopic("t", 4);
    const ask = async (clientId: string) => (await broker.ask(metadata, 12, { topics: null }, { clientId }))!;
    const b = await ask("app,diskless_az=b");
    expect(b.brokers.map(({ nodeId, port, rack }) => [nodeId, port, rack])).toEqual([
      [100, 9000, "b"],
      [101, 9001, "b"],
    ]);
    for (const { leaderId } of b.topics[0]!.partitions) expect([100, 101]).toContain(leaderId);
    expect(b.controllerId).toBe(100);
    expect((await ask("app")).brokers.map(({ nodeId }) => nodeId)).toEqual([0, 1]);
    expect((await ask("app,diskless_az=nowhere")).brokers.map(({ nodeId }) => nodeId)).toEqual([0, 1]);
  });

  test("[D2] node n is rendered as the advertised host and base port + n", async () => {
    const broker = new FakeBroker({ settings: { "brokers.per.zone": 2 } });
    const { brokers } = (await broker.ask(metadata, 1, { topics: [] }))!;
    expect(brokers.map(({ host, port }) => `${host}:${port}`)).toEqual(["broker.test:9000", "broker.test:9001"]);
  });
});

describe("FindCoordinator", () => {
  test.each(servedVersions(findCoordinator))("v%i names a broker that is in Metadata, the same one every time", async (version) => {
    const broker = new FakeBroker({ settings: { "brokers.per.zone": 4 } });
    const brokers = (await broker.ask(metadata, 9, { topics: [] }))!.brokers;
    const request = version >= 4 ? { coordinatorKeys: ["g", "h", "g"] } : { key: "g" };
    const answer = (await broker.ask(findCoordinator, version, request))!;
    const found = version >= 4 ? answer.coordinators : [answer];
    for (const { errorCode, nodeId, host, port } of found) {
      expect(errorCode).toBe(0);
      expect(brokers.find((each) => each.nodeId === nodeId)).toMatchObject({ host, port });
    }
    if (version >= 4) expect(found[0]).toEqual(found[2]);
    if (version >= 4) expect(found.map((each) => "key" in each && each.key)).toEqual(["g", "h", "g"]);
  });

  test("[I10] a group id that no object could bear as its name has none, for good", async () => {
    const broker = new FakeBroker();
    const ask = async (key: string) =>
      (await broker.ask(findCoordinator, 4, { keyType: 0, coordinatorKeys: [key] }))!.coordinators[0]!;
    expect(await ask("g".repeat(900))).toMatchObject({ errorCode: 0 });
    expect(await ask("g".repeat(901))).toMatchObject({ errorCode: 24, nodeId: -1 });
    expect(await ask("\u{20ac}".repeat(301))).toMatchObject({ errorCode: 24, nodeId: -1 });
    expect(() => groupName("default", "g".repeat(901))).toThrow("too long");
  });

  test("transactional ids have coordinators, share partitions none", async () => {
    const broker = new FakeBroker();
    const ask = async (keyType: number) =>
      (await broker.ask(findCoordinator, 6, { keyType, coordinatorKeys: ["k"] }))!.coordinators[0]!;
    expect(await ask(1)).toMatchObject({ errorCode: 0, nodeId: 0, port: 9000 });
    expect(await ask(2)).toMatchObject({ errorCode: 42, nodeId: -1 });
    expect(await broker.ask(findCoordinator, 1, { keyType: 9, key: "k" })).toMatchObject({ errorCode: 42, nodeId: -1 });
  });
});

describe("DescribeCluster", () => {
  test.each(servedVersions(describeCluster))("v%i tells what Metadata tells", async (version) => {
    const broker = new FakeBroker({ settings: { "brokers.per.zone": 2 } });
    const answer = (await broker.ask(describeCluster, version, { includeClusterAuthorizedOperations: true }))!;
    expect(answer).toMatchObject({
      errorCode: 0,
      clusterId: "AAAAAAAAAAAAAAAAAAAAAA",
      controllerId: 0,
      clusterAuthorizedOperations: 8096,
    });
    expect(answer.brokers.map(({ brokerId, host, port }) => [brokerId, host, port])).toEqual([
      [0, "broker.test", 9000],
      [1, "broker.test", 9001],
    ]);
  });

  test.each([
    [2, 114],
    [3, 115],
  ])("endpoint type %i is answered with %i", async (endpointType, errorCode) => {
    expect(await new FakeBroker().ask(describeCluster, 1, { endpointType })).toMatchObject({ errorCode });
  });
});

describe("DescribeTopicPartitions", () => {
  test("pages join to the whole, whatever the limit", async () => {
    const broker = new FakeBroker();
    await broker.createTopic("a", 3);
    await broker.createTopic("b", 1);
    await broker.createTopic("c", 4);
    for (const limit of [1, 2, 3, 5, 100]) {
      const seen: string[] = [];
      let cursor: { topicName: string; partitionIndex: number } | null = null;
      do {
        const page: Awaited<ReturnType<typeof ask>> = await ask(cursor);
        const pageSize = page.topics.reduce((sum, { partitions }) => sum + partitions.length, 0);
        expect(pageSize).toBeLessThanOrEqual(limit);
        for (const { name, partitions } of page.topics)
          seen.push(...partitions.map(({ partitionIndex }) => `${name}${partitionIndex}`));
        cursor = page.nextCursor;
      } while (cursor !== null);
      expect(seen).toEqual(["a0", "a1", "a2", "b0", "c0", "c1", "c2", "c3"]);

      async function ask(from: typeof cursor) {
        return (await broker.ask(describeTopicPartitions, 0, { topics: [], responsePartitionLimit: limit, cursor: from }))!;
      }
    }
  });

  test("a cursor behind a topic's last partition goes on with the next topic, within the limit", async () => {
    const broker = new FakeBroker();
    for (const name of ["a", "b"]) await broker.createTopic(name, 4);
    const request = { topics: [], responsePartitionLimit: 3, cursor: { topicName: "a", partitionIndex: 100 } };
    const { topics, nextCursor } = (await broker.ask(describeTopicPartitions, 0, request))!;
    expect(topics.map(({ partitions }) => partitions.length)).toEqual([0, 3]);
    expect(nextCursor).toMatchObject({ topicName: "b", partitionIndex: 3 });
  });

  test("named topics come sorted; unknown ones with 3, invalid ones with 17", async () => {
    const broker = new FakeBroker();
    await broker.createTopic("b");
    const topics = ["z", "b", "not valid"].map((name) => ({ name }));
    const answer = (await broker.ask(describeTopicPartitions, 0, { topics }))!;
    expect(answer.topics.map(({ name, errorCode }) => [name, errorCode])).toEqual([
      ["b", 0],
      ["not valid", 17],
      ["z", 3],
    ]);
    expect(answer.nextCursor).toBeNull();
  });
});

describe("ApiVersions", () => {
  const software = { clientSoftwareName: "a-client.x", clientSoftwareVersion: "1.0" };

  test.each(servedVersions(apiVersions))("v%i advertises exactly what is served, Produce from 0", async (version) => {
    const answer = (await new FakeBroker().ask(apiVersions, version, software))!;
    expect(answer.errorCode).toBe(0);
    expect(answer.apiKeys.map(({ apiKey }) => apiKey)).toEqual([...handlers.keys()]);
    for (const { apiKey, minVersion, maxVersion } of answer.apiKeys) {
      const { versions } = handlers.get(apiKey)!;
      expect([minVersion, maxVersion]).toEqual([apiKey === 0 ? 0 : versions[0], versions[1]]);
    }
  });

  test.each([
    ["", "1"],
    ["-a", "1"],
    ["a b", "1"],
    ["a", ""],
    ["a", "1."],
  ])("software %j %j is refused with 42", async (clientSoftwareName, clientSoftwareVersion) => {
    const answer = await new FakeBroker().ask(apiVersions, 3, { clientSoftwareName, clientSoftwareVersion });
    expect(answer).toMatchObject({ errorCode: 42, apiKeys: [] });
  });
});

test.each(servedVersions(saslHandshake))("SaslHandshake v%i is refused: there is no SASL here", async (version) => {
  expect(await new FakeBroker().ask(saslHandshake, version, { mechanism: "PLAIN" })).toEqual({ errorCode: 34, mechanisms: [] });
});
