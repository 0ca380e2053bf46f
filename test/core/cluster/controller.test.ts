/**
 * What a controller decides, and what is left of it after a crash at any moment: topics become visible when their leaders know them,
 * ids are never given twice, and no call to a leader is forgotten.
 */
import { describe, expect, test } from "vitest";
import type { NewTopic } from "../../../core/cluster/controller-client.ts";
import { Cluster } from "./cluster.ts";

const topic = (name: string, given: Partial<NewTopic> = {}): NewTopic => ({
  name,
  partitions: -1,
  replicationFactor: -1,
  assignments: [],
  configs: {},
  ...given,
});

describe("creating topics", () => {
  test("a topic is visible only when every leader knows its partitions", () => {
    const cluster = new Cluster({ "cell.partitions.max": 3 });
    const [decision] = cluster.createTopics([topic("t", { partitions: 5 })]);
    expect(cluster.names()).toEqual([]);
    expect(cluster.machine.outcome(decision!)).toMatchObject({ errorCode: 7 });
    const calls = cluster.machine.takeCalls(0);
    expect(calls.map(({ cell }) => cell)).toEqual([0, 1]);
    cluster.answer(calls[0]!);
    expect(cluster.names()).toEqual([]);
    cluster.answer(calls[1]!);
    expect(cluster.names()).toEqual(["t"]);
    expect(cluster.machine.outcome(decision!)).toMatchObject({ errorCode: 0, topic: { name: "t" } });
    expect(cluster.entry("t").partitions.map(({ cell }) => cell)).toEqual([0, 0, 0, 1, 1]);
  });

  test("the outbox goes on after a crash, and so does the topic", () => {
    const cluster = new Cluster();
    cluster.createTopics([topic("t")]);
    cluster.machine.takeCalls(0);
    cluster.crash();
    expect(cluster.names()).toEqual([]);
    cluster.drain();
    expect(cluster.names()).toEqual(["t"]);
    expect(cluster.leaderPartitions()).toBe(4);
  });

  test("a call that fails is repeated, later and later, until it is answered", () => {
    const cluster = new Cluster();
    cluster.createTopics([topic("t")]);
    let now = 0;
    const waits: number[] = [];
    for (let attempt = 0; attempt < 12; attempt++) {
      const [call] = cluster.machine.takeCalls(now);
      expect(cluster.machine.nextDeadline()).toBeUndefined();
      cluster.machine.callFailed(call!, now);
      const deadline = cluster.machine.nextDeadline()!;
      expect(cluster.machine.takeCalls(deadline - 1)).toEqual([]);
      waits.push(deadline - now);
      now = deadline;
    }
    expect(waits).toEqual(waits.toSorted((a, b) => a - b));
    expect(waits.at(-1)).toBe(60_000);
    cluster.drain(now);
    expect(cluster.names()).toEqual(["t"]);
    expect(cluster.machine.nextDeadline()).toBeUndefined();
  });

  test.each<[string, NewTopic, number, string | RegExp]>([
    ["a bad name", topic("a b"), 17, /Topic name is invalid/],
    ["a name that exists", topic("taken.name"), 36, "Topic 'taken.name' already exists."],
    ["a colliding name", topic("taken_name"), 17, "Topic 'taken_name' collides with existing topic: taken.name"],
    ["no partitions", topic("n", { partitions: 0 }), 37, "Number of partitions was set to an invalid non-positive value."],
    [
      "no replicas",
      topic("n", { replicationFactor: 0 }),
      38,
      "Replication factor must be larger than 0, or -1 to use the default value.",
    ],
    ["too many partitions", topic("n", { partitions: 10_001 }), 44, "Excessively large number of partitions per request."],
    ["an unknown config", topic("n", { configs: { nope: "1" } }), 40, "Unknown topic config name: nope"],
    [
      "an assignment with a count",
      topic("n", { partitions: 2, assignments: [{ partition: 0, brokerIds: [0] }] }),
      42,
      "A manual partition assignment was specified, but numPartitions was not set to -1.",
    ],
    [
      "an assignment with a hole",
      topic("n", { assignments: [{ partition: 1, brokerIds: [0] }] }),
      39,
      "partitions should be a consecutive 0-based integer sequence",
    ],
    [
      "an assignment to nobody",
      topic("n", { assignments: [{ partition: 0, brokerIds: [7] }] }),
      39,
      "The manual partition assignment includes broker 7, but no such broker is registered.",
    ],
    [
      "an assignment to one broker twice",
      topic("n", { assignments: [{ partition: 0, brokerIds: [0, 0] }] }),
      39,
      "The manual partition assignment includes the broker 0 more than once.",
    ],
  ])("%s is refused and changes nothing", (_what, asked, errorCode, message) => {
    const cluster = new Cluster();
    cluster.createTopics([topic("taken.name")]);
    cluster.drain();
    const before = [...cluster.rows];
    const [decision] = cluster.createTopics([asked]);
    expect(decision).toMatchObject({ errorCode });
    expect((decision as { errorMessage: string }).errorMessage).toMatch(message);
    expect([...cluster.rows]).toEqual(before);
    expect(cluster.machine.validateTopics([asked])[0]).toEqual(decision);
  });

  test("topics that have too many partitions together are all refused, as in Kafka", () => {
    const cluster = new Cluster();
    const before = [...cluster.rows];
    const asked = [topic("a", { partitions: 6000 }), topic("b", { partitions: 4001 })];
    expect(cluster.createTopics(asked).map(({ errorCode }) => errorCode)).toEqual([44, 44]);
    expect([...cluster.rows]).toEqual(before);
    expect(cluster.createTopics([topic("a", { partitions: 6000 }), topic("b", { partitions: 4000 })])).toMatchObject([
      { errorCode: 0 },
      { errorCode: 0 },
    ]);
  });

  test("defaults, assignments and any replication factor are taken", () => {
    const cluster = new Cluster({ "num.partitions": 6 });
    const assignments = [0, 1, 2].map((partition) => ({ partition, brokerIds: [0] }));
    cluster.createTopics([topic("a"), topic("b", { assignments }), topic("c", { partitions: 1, replicationFactor: 3 })]);
    cluster.drain();
    expect(["a", "b", "c"].map((name) => cluster.entry(name).partitions.length)).toEqual([6, 3, 1]);
  });

  test("validating tells the outcome and changes nothing", () => {
    const cluster = new Cluster();
    const before = [...cluster.rows];
    expect(cluster.machine.validateTopics([topic("v", { partitions: 2 })])).toMatchObject([
      { errorCode: 0, topic: { name: "v", partitions: [{ cell: 0 }, { cell: 0 }] } },
    ]);
    expect([...cluster.rows]).toEqual(before);
    expect(cluster.machine.takeCalls(0)).toEqual([]);
  });
});

describe("deleting topics", () => {
  test("a topic is gone at once, its name is free, and leaders hear of it even after a crash", () => {
    const cluster = new Cluster();
    cluster.createTopics([topic("t")]);
    cluster.drain();
    const { id } = cluster.entry("t");
    expect(cluster.deleteTopics([id])).toEqual([{ errorCode: 0, errorMessage: null }]);
    expect(cluster.names()).toEqual([]);
    expect(cluster.deleteTopics([id])).toMatchObject([{ errorCode: 100 }]);
    cluster.createTopics([topic("t")]);
    cluster.crash();
    cluster.drain();
    expect(cluster.entry("t").id).not.toBe(id);
    expect(cluster.leaderPartitions()).toBe(4);
    expect([...cluster.rows.keys()].filter((key) => key.startsWith("topic/"))).toHaveLength(1);
  });

  test("a metadata version never stands for two states, deletions and crashes included", () => {
    const cluster = new Cluster();
    const seen = new Map<number, string>();
    const look = () => {
      const { version, topics } = cluster.machine.snapshot(0)!;
      const state = JSON.stringify(topics);
      expect(seen.get(version) ?? state).toBe(state);
      seen.set(version, state);
      expect(cluster.machine.snapshot(version)).toBeUndefined();
    };
    for (let round = 0; round < 3; round++) {
      look();
      cluster.createTopics([topic("a"), topic(`b${round}`)]);
      cluster.drain();
      look();
      cluster.deleteTopics([cluster.entry("a").id]);
      cluster.drain();
      cluster.crash();
      look();
    }
  });

  test("a delete waits for the create that is under way, so that it is the last word", () => {
    const cluster = new Cluster();
    const [decision] = cluster.createTopics([topic("t")]);
    const [create] = cluster.machine.takeCalls(0);
    cluster.deleteTopics([(decision as { topicId: string }).topicId]);
    expect(cluster.machine.takeCalls(0)).toEqual([]);
    cluster.answer(create!);
    expect(cluster.machine.takeCalls(0)).toMatchObject([{ call: { kind: "delete" } }]);
  });
});

describe("adding partitions", () => {
  test("they are placed behind the old ones and visible when their leaders know them", () => {
    const cluster = new Cluster({ "cell.partitions.max": 5 });
    cluster.createTopics([topic("t", { partitions: 4 })]);
    cluster.drain();
    expect(cluster.createPartitions([{ name: "t", count: 7, assignments: null }])).toMatchObject([{ errorCode: 0 }]);
    expect(cluster.entry("t").partitions).toHaveLength(4);
    cluster.crash();
    cluster.drain();
    expect(cluster.entry("t").partitions.map(({ cell }) => cell)).toEqual([0, 0, 0, 0, 0, 1, 1]);
    expect(cluster.leaderPartitions()).toBe(7);
  });

  test.each([
    [{ name: "none", count: 9, assignments: null }, 3, "This server does not host this topic-partition."],
    [{ name: "t", count: 4, assignments: null }, 37, "Topic already has 4 partition(s)."],
    [{ name: "t", count: 2, assignments: null }, 37, "The topic t currently has 4 partition(s); 2 would not be an increase."],
    [
      { name: "t", count: 6, assignments: [[0]] },
      39,
      "Attempted to add 2 additional partition(s), but only 1 assignment(s) were specified.",
    ],
    [
      { name: "t", count: 5, assignments: [[9]] },
      39,
      "The manual partition assignment includes broker 9, but no such broker is registered.",
    ],
  ])("%j is refused", (request, errorCode, errorMessage) => {
    const cluster = new Cluster();
    cluster.createTopics([topic("t")]);
    cluster.drain();
    expect(cluster.createPartitions([request])).toEqual([{ errorCode, errorMessage }]);
  });
});

describe("altering configs", () => {
  const set = (name: string, value: string) => ({ name, operation: 0, value });

  test("a topic's configs hold after the leaders know them, and survive a crash", () => {
    const cluster = new Cluster();
    cluster.createTopics([topic("t")]);
    cluster.drain();
    const alteration = { type: 2, name: "t", replace: false, changes: [set("message.timestamp.type", "LogAppendTime")] };
    expect(cluster.alterConfigs([alteration])).toEqual([{ errorCode: 0, errorMessage: null }]);
    cluster.crash();
    expect(cluster.entry("t").effective.timestampType).toBe("LogAppendTime");
    cluster.drain();
    expect(cluster.leaderSettings(cluster.entry("t").id)).toMatchObject({ timestampType: "LogAppendTime" });
  });

  test("leaders hear of every setting they act on, and of none that brokers act on alone", () => {
    const cluster = new Cluster();
    cluster.createTopics([topic("t", { configs: { "retention.ms": "5000" } })]);
    cluster.drain();
    const settings = () => cluster.leaderSettings(cluster.entry("t").id);
    const alter = (name: string, value: string) => {
      cluster.alterConfigs([{ type: 2, name: "t", replace: false, changes: [set(name, value)] }]);
      const calls = cluster.machine.outboxSize;
      cluster.drain();
      return calls;
    };
    expect(settings()).toMatchObject({ cleanupPolicy: "delete", retentionMs: 5000, retentionBytes: -1 });
    expect(alter("retention.ms", "-1")).toBe(1);
    expect(alter("retention.bytes", "1000")).toBe(1);
    expect(alter("cleanup.policy", "compact,delete")).toBe(1);
    expect(alter("retention.ms", "9223372036854775807")).toBe(1);
    expect(settings()).toMatchObject({ cleanupPolicy: "compact,delete", retentionMs: 2 ** 51, retentionBytes: 1000 });
    expect(alter("compression.type", "zstd")).toBe(0);
    const changes = [set("log.retention.bytes", "77")];
    cluster.createTopics([topic("plain")]);
    cluster.drain();
    cluster.alterConfigs([{ type: 4, name: "", replace: false, changes }]);
    cluster.drain();
    expect(cluster.leaderSettings(cluster.entry("plain").id)).toMatchObject({ retentionBytes: 77 });
    expect(settings()).toMatchObject({ retentionBytes: 1000 });
  });

  test("incremental changes touch what they name, lists grow and shrink, replacing forgets the rest", () => {
    const cluster = new Cluster();
    cluster.createTopics([topic("t", { configs: { "retention.ms": "5", "segment.ms": "6" } })]);
    cluster.drain();
    const alter = (replace: boolean, ...changes: { name: string; operation: number; value: string | null }[]) =>
      cluster.alterConfigs([{ type: 2, name: "t", replace, changes }]);
    alter(false, { name: "cleanup.policy", operation: 2, value: "compact" }, { name: "segment.ms", operation: 1, value: null });
    expect(cluster.entry("t").configs).toEqual({ "retention.ms": "5", "cleanup.policy": "delete,compact" });
    alter(false, { name: "cleanup.policy", operation: 3, value: "delete" });
    expect(cluster.entry("t").configs).toEqual({ "retention.ms": "5", "cleanup.policy": "compact" });
    expect(cluster.entry("t").effective.compacted).toBe(true);
    alter(true, set("flush.ms", "7"));
    expect(cluster.entry("t").configs).toEqual({ "flush.ms": "7" });
  });

  test.each([
    [{ type: 2, name: "none", replace: false, changes: [set("flush.ms", "1")] }, 3, "The topic 'none' does not exist."],
    [{ type: 2, name: "", replace: false, changes: [] }, 42, "Default topic resources are not allowed."],
    [{ type: 2, name: "t", replace: false, changes: [set("flush.ms", "x")] }, 40, /Not a number of type LONG/],
    [
      { type: 2, name: "t", replace: false, changes: [{ name: "flush.ms", operation: 2, value: "1" }] },
      40,
      "Can't APPEND to key flush.ms because its type is not LIST.",
    ],
    [{ type: 4, name: "zero", replace: false, changes: [] }, 42, "Unable to parse broker name as a base 10 number."],
    [{ type: 4, name: "", replace: false, changes: [set("zones", "x")] }, 42, "Cannot update these configs dynamically: [zones]"],
    [{ type: 32, name: "g", replace: false, changes: [set("nope", "x")] }, 40, "Unknown group config name: nope"],
    [{ type: 9, name: "g", replace: false, changes: [] }, 42, "Unknown resource type 9"],
  ])("%j is refused", (alteration, errorCode, message) => {
    const cluster = new Cluster();
    cluster.createTopics([topic("t")]);
    cluster.drain();
    const [outcome] = cluster.alterConfigs([alteration]);
    expect(outcome).toMatchObject({ errorCode });
    expect(outcome!.errorMessage).toMatch(message);
  });

  test("a default altered for the cluster holds for every topic that sets nothing of its own", () => {
    const cluster = new Cluster();
    cluster.createTopics([topic("plain"), topic("own", { configs: { "message.timestamp.type": "CreateTime" } })]);
    cluster.drain();
    const changes = [set("log.message.timestamp.type", "LogAppendTime"), set("message.max.bytes", "99")];
    cluster.alterConfigs([{ type: 4, name: "", replace: false, changes }]);
    cluster.crash();
    cluster.drain();
    expect(cluster.entry("plain").effective).toMatchObject({ timestampType: "LogAppendTime", maxMessageBytes: 99 });
    expect(cluster.entry("own").effective).toMatchObject({ timestampType: "CreateTime", maxMessageBytes: 99 });
    expect(cluster.leaderSettings(cluster.entry("plain").id)).toMatchObject({ timestampType: "LogAppendTime" });
    expect(cluster.machine.snapshot(0)!.topicDefaults).toEqual({
      "message.timestamp.type": "LogAppendTime",
      "max.message.bytes": "99",
    });
    expect(cluster.machine.configuredResources()).toHaveLength(1);
  });
});

describe("what a controller gives away", () => {
  test("[D12] every start of a broker gets a higher epoch, each broker its own, also after a crash", () => {
    const cluster = new Cluster();
    expect(cluster.registerBroker(0)).toBe(1);
    expect(cluster.registerBroker(0)).toBe(2);
    expect(cluster.registerBroker(100)).toBe(1);
    cluster.crash();
    expect(cluster.registerBroker(0)).toBe(3);
  });

  test("no producer id is in two blocks", () => {
    const cluster = new Cluster();
    const blocks = [cluster.allocateProducerIds()];
    cluster.crash();
    blocks.push(cluster.allocateProducerIds(), cluster.allocateProducerIds());
    expect(blocks).toEqual([0, 1000, 2000].map((first) => ({ first, count: 1000 })));
  });

  test("groups are listed once, as long as they are there", () => {
    const cluster = new Cluster();
    for (const group of ["b", "a/x", "b"]) cluster.persist(cluster.machine.registerGroup(group));
    cluster.crash();
    expect(cluster.machine.groups()).toEqual(["a/x", "b"]);
    cluster.persist(cluster.machine.unregisterGroup("b"));
    cluster.crash();
    expect(cluster.machine.groups()).toEqual(["a/x"]);
  });

  test("the cluster id is the same for ever", () => {
    const cluster = new Cluster();
    const { clusterId } = cluster.machine;
    cluster.crash();
    expect(cluster.machine.clusterId).toBe(clusterId);
  });
});
