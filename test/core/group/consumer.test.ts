/** Consumer groups (KIP-848), rule by rule: epochs, fencing, reconciliation, static members, expiry, rows. */
import { describe, expect, test } from "vitest";
import type { ConsumerHeartbeatRequest } from "../../../core/group/consumer/requests.ts";
import { Consumers, owns, parts } from "./consumers.ts";
import { topicA, topicB } from "./harness.ts";

/** Two members, each with its half, stable in epoch 2. */
function pair() {
  const consumers = new Consumers();
  consumers.come("m1");
  consumers.come("m2");
  consumers.beat("m1", 1, owns(0, 1, 2, 3));
  consumers.beat("m1", 1, owns(0, 1));
  consumers.beat("m2", 2, owns());
  return consumers;
}

describe("ConsumerGroupHeartbeat refuses", () => {
  const rules: [
    rule: string,
    memberId: string,
    epoch: number,
    said: Partial<ConsumerHeartbeatRequest>,
    version: number,
    code: number,
  ][] = [
    ["an empty member id from version 1", "", 0, {}, 1, 42],
    ["an empty member id after joining", "", 1, {}, 0, 42],
    ["an empty instance id", "m", 0, { instanceId: "" }, 1, 42],
    ["an empty rack", "m", 0, { rackId: " " }, 1, 42],
    ["an epoch below -2", "m", -3, {}, 1, 42],
    ["-2 without an instance id", "m", -2, {}, 1, 42],
    ["joining without a rebalance timeout", "m", 0, { topicPartitions: [], subscribedTopicNames: ["a"] }, 1, 42],
    ["joining without saying that it owns nothing", "m", 0, { rebalanceTimeoutMs: 1, subscribedTopicNames: ["a"] }, 1, 42],
    ["joining without a subscription", "m", 0, { rebalanceTimeoutMs: 1, topicPartitions: [] }, 1, 42],
    ["an unknown assignor", "m", 1, { serverAssignor: "magic" }, 1, 112],
    ["a pattern that RE2 does not know", "m", 1, { subscribedTopicRegex: "(?=a)" }, 1, 128],
    ["members of a group that does not exist", "m", 1, {}, 1, 69],
  ];
  test.each(rules)("%s", (_, memberId, epoch, said, version, code) => {
    const answer = new Consumers().beat(memberId, epoch, said, version);
    expect(answer).toMatchObject({ errorCode: code, memberId: null, assignment: null });
    expect(answer.errorMessage).not.toBe("");
  });

  test("strangers, leavers that are none, and more members than allowed", () => {
    const consumers = new Consumers({ consumerMaxSize: 2 });
    consumers.come("m1");
    expect(consumers.beat("m2", 1).errorCode).toBe(25);
    expect(consumers.beat("m2", -1).errorCode).toBe(25);
    consumers.come("m2");
    expect(consumers.come("m3").errorCode).toBe(81);
  });

  test("a classic group whose members are no consumers, and what is said to a group that is not there", () => {
    const consumers = new Consumers({ groupId: "g" });
    consumers.stable(1, { type: "connect" });
    const reason = "the group does not use the consumer embedded protocol.";
    const errorMessage = `Cannot upgrade classic group g to consumer group because ${reason}`;
    expect(consumers.come("m1")).toMatchObject({ errorCode: 69, errorMessage });
    expect(consumers.beat("m1", 1)).toMatchObject({ errorCode: 69, errorMessage: "Group g is not a consumer group." });
    const none = new Consumers({ groupId: "g" });
    expect(none.beat("m1", 1)).toMatchObject({ errorCode: 69, errorMessage: "Consumer group g not found." });
    expect(none.beat("m1", -1)).toMatchObject({ errorCode: 69, errorMessage: "Group g not found." });
    expect(none.group.exists).toBe(false);
  });

  test("classic requests about members that speak the consumer protocol", () => {
    const consumers = new Consumers();
    consumers.come("m1");
    expect(consumers.heartbeat("m1", 1)).toBe(25);
    expect(consumers.synced(consumers.sync("m1", 1)).errorCode).toBe(25);
    expect(consumers.describe()).toMatchObject({ errorCode: 69, errorMessage: "is not a classic group." });
  });
});

describe("a member", () => {
  test("gets everything when it is alone, with the first answer", () => {
    expect(new Consumers().come("m1")).toEqual({
      errorCode: 0,
      errorMessage: null,
      memberId: "m1",
      memberEpoch: 1,
      heartbeatIntervalMs: 5000,
      assignment: [{ topicId: topicA.topicId, partitions: [0, 1, 2, 3] }],
    });
  });

  test("is named by the coordinator when version 0 brings no id", () => {
    expect(new Consumers().come("", {}, 0).memberId).toBe("uuid1");
  });

  test("hears of its assignment again only when it changed or when it says everything", () => {
    const consumers = new Consumers();
    consumers.come("m1");
    expect(consumers.beat("m1", 1).assignment).toBeNull();
    const all = { rebalanceTimeoutMs: 1000, subscribedTopicNames: ["a"], ...owns(0, 1, 2, 3) };
    expect(parts(consumers.beat("m1", 1, all))).toEqual([0, 1, 2, 3]);
  });

  test("gives up first, and only then another gets", () => {
    const consumers = new Consumers();
    consumers.come("m1");
    const second = consumers.come("m2");
    expect(second).toMatchObject({ memberEpoch: 2, assignment: [] });
    const revoking = consumers.beat("m1", 1, owns(0, 1, 2, 3));
    expect([revoking.memberEpoch, parts(revoking)]).toEqual([1, [0, 1]]);
    expect(consumers.beat("m2", 2, owns()).assignment).toBeNull();
    expect(consumers.beat("m1", 1, owns(0, 1, 2)).memberEpoch).toBe(1);
    expect(consumers.groups().groupState).toBe("Reconciling");
    expect(consumers.beat("m1", 1, owns(0, 1)).memberEpoch).toBe(2);
    expect(parts(consumers.beat("m2", 2, owns()))).toEqual([2, 3]);
    expect(consumers.groups().groupState).toBe("Stable");
  });

  test("that says nothing of what it owns has not given it up", () => {
    const consumers = new Consumers();
    consumers.come("m1");
    consumers.come("m2");
    consumers.beat("m1", 1);
    expect(consumers.beat("m1", 1).memberEpoch).toBe(1);
  });

  test("that does not give up within its rebalance timeout is removed", () => {
    const consumers = new Consumers();
    consumers.come("m1", { rebalanceTimeoutMs: 20_000 });
    consumers.come("m2");
    for (let at = 0; at < 4; at++) {
      consumers.beat("m1", 1, owns(0, 1, 2, 3));
      consumers.beat("m2", 2);
      consumers.advance(5000);
    }
    expect(consumers.beat("m1", 1).errorCode).toBe(25);
    expect(parts(consumers.beat("m2", 2, owns()))).toEqual([0, 1, 2, 3]);
  });

  test("that is silent for the session timeout is removed", () => {
    const consumers = pair();
    consumers.advance(44_000);
    consumers.beat("m2", 2);
    consumers.advance(1000);
    expect(consumers.beat("m1", 2).errorCode).toBe(25);
    expect(parts(consumers.beat("m2", 2, owns(2, 3)))).toEqual([0, 1, 2, 3]);
  });

  test("that leaves with -1 is gone at once", () => {
    const consumers = pair();
    expect(consumers.beat("m1", -1)).toMatchObject({ errorCode: 0, memberEpoch: -1, memberId: "m1" });
    expect(parts(consumers.beat("m2", 2, owns(2, 3)))).toEqual([0, 1, 2, 3]);
    consumers.beat("m2", -1);
    expect(consumers.ask({ kind: "list-group" })).toEqual({ protocolType: "consumer", groupState: "Empty", groupType: "consumer" });
  });

  test("with an epoch ahead or long behind is fenced with 110, one whose last answer got lost is not", () => {
    const consumers = pair();
    expect(consumers.beat("m1", 3).errorCode).toBe(110);
    expect(consumers.beat("m1", 1, owns(0, 1))).toMatchObject({ errorCode: 0, memberEpoch: 2 });
    expect(consumers.beat("m1", 1, owns(0, 1, 2)).errorCode).toBe(110);
    expect(consumers.beat("m1", 1).errorCode).toBe(110);
  });

  test("that joins again with epoch 0 keeps its place and hears everything", () => {
    const consumers = pair();
    const again = consumers.come("m1");
    expect([again.memberEpoch, parts(again)]).toEqual([2, [0, 1]]);
    expect(consumers.groups().groupEpoch).toBe(2);
  });

  test("that subscribes to other topics moves the group", () => {
    const consumers = pair();
    consumers.view = { version: 2, topics: new Map([...consumers.view.topics, ["b", { id: topicB.topicId, partitions: 2 }]]) };
    const answer = consumers.beat("m1", 2, { subscribedTopicNames: ["b"], ...owns(0, 1) });
    expect(answer).toMatchObject({ memberEpoch: 2, assignment: [] });
    const after = consumers.beat("m1", 2, owns());
    expect(after).toMatchObject({ memberEpoch: 3, assignment: [{ topicId: topicB.topicId, partitions: [0, 1] }] });
    expect(parts(consumers.beat("m2", 2, owns(2, 3)))).toEqual([0, 1, 2, 3]);
  });
});

describe("topics that change", () => {
  test("new partitions and deleted topics reach members with the next heartbeat", () => {
    const consumers = pair();
    consumers.view = { version: 2, topics: new Map([["a", { id: topicA.topicId, partitions: 6 }]]) };
    expect(parts(consumers.beat("m1", 2, owns(0, 1)))).toHaveLength(3);
    consumers.view = { version: 3, topics: new Map() };
    expect(parts(consumers.beat("m1", 3, owns(0, 1, 4)))).toEqual([]);
  });

  test("matter to patterns", () => {
    const consumers = new Consumers();
    const answer = consumers.come("m1", { subscribedTopicNames: null, subscribedTopicRegex: "a|b.*" });
    expect(parts(answer)).toEqual([0, 1, 2, 3]);
    consumers.view = { version: 2, topics: new Map([...consumers.view.topics, ["b1", { id: topicB.topicId, partitions: 1 }]]) };
    expect(consumers.beat("m1", 1, owns(0, 1, 2, 3)).assignment).toHaveLength(2);
  });

  test("that nobody subscribes to move nobody", () => {
    const consumers = pair();
    consumers.view = { version: 2, topics: new Map([...consumers.view.topics, ["b", { id: topicB.topicId, partitions: 1 }]]) };
    const before = consumers.rows.written;
    expect(consumers.beat("m1", 2).assignment).toBeNull();
    expect([consumers.groups().groupEpoch, consumers.rows.written]).toEqual([2, before]);
  });
});

describe("static members", () => {
  test("that leave with -2 find their partitions when they are back under another id", () => {
    const consumers = new Consumers();
    consumers.come("m1", { instanceId: "i1" });
    expect(consumers.beat("m1", -2, { instanceId: "i1" })).toMatchObject({ errorCode: 0, memberEpoch: -2 });
    const back = consumers.come("m2", { instanceId: "i1" });
    expect([back.memberEpoch, parts(back)]).toEqual([1, [0, 1, 2, 3]]);
    expect(consumers.beat("m1", 1, { instanceId: "i1" }).errorCode).toBe(82);
    consumers.restart();
    expect(consumers.beat("m2", 1, owns(0, 1, 2, 3))).toMatchObject({ errorCode: 0, memberEpoch: 1 });
    expect(consumers.groups().members.map(({ memberId, targetAssignment }) => [memberId, targetAssignment.length])).toEqual([
      ["m2", 1],
    ]);
  });

  test("cannot take an instance id that is in use: 111", () => {
    const consumers = new Consumers();
    consumers.come("m1", { instanceId: "i1" });
    expect(consumers.come("m2", { instanceId: "i1" }).errorCode).toBe(111);
  });

  test("with an unknown instance id are unknown", () => {
    const consumers = new Consumers();
    consumers.come("m1");
    expect(consumers.beat("m1", 1, { instanceId: "i9" }).errorCode).toBe(25);
  });

  test("that do not come back within the session timeout are removed", () => {
    const consumers = new Consumers();
    consumers.come("m1", { instanceId: "i1" });
    consumers.beat("m1", -2, { instanceId: "i1" });
    consumers.advance(45_000);
    expect(consumers.groups().groupState).toBe("Empty");
  });
});

describe("offsets of a consumer group", () => {
  test.each([
    ["its epoch", "m1", 2, 9, 0],
    ["an old epoch", "m1", 1, 9, 113],
    ["a stranger", "m9", 2, 9, 25],
    ["a version that knows no epochs", "m1", 2, 8, 35],
    ["nobody in particular", "", -1, 9, 25],
  ])("commits of %s", (_, memberId, generationId, version, errorCode) => {
    expect(pair().commit({ 0: 5 }, { memberId, generationId, version })).toEqual([errorCode]);
  });

  test.each([
    [null, -1, 0],
    ["m1", 2, 0],
    ["m1", 1, 113],
    ["m9", 2, 25],
  ])("fetches of member %s, epoch %i: %i", (memberId, memberEpoch, errorCode) => {
    const request = { memberId, memberEpoch, topics: null, requireStable: false };
    expect(pair().ask({ kind: "offset-fetch", request })).toMatchObject({ errorCode });
  });

  test("are for anybody while the group is empty, and cannot be deleted under a subscription", () => {
    const consumers = pair();
    expect(consumers.deleteOffsets(topicA, [0]).partitionErrors).toEqual([[86]]);
    expect(consumers.ask({ kind: "delete-group" })).toEqual({ errorCode: 68 });
    for (const id of ["m1", "m2"]) consumers.beat(id, -1);
    expect(consumers.commit({ 0: 5 })).toEqual([0]);
    expect(consumers.deleteOffsets(topicA, [0]).partitionErrors).toEqual([[0]]);
    expect(consumers.ask({ kind: "delete-group" })).toEqual({ errorCode: 0 });
  });
});

describe("rows", () => {
  test("a heartbeat that changes nothing writes nothing", () => {
    const consumers = pair();
    const before = consumers.rows.written;
    for (let at = 0; at < 20; at++) consumers.beat("m1", 2, owns(0, 1));
    expect(consumers.rows.written).toBe(before);
  });

  test("a group comes back from them at any step", () => {
    const consumers = new Consumers();
    consumers.come("m1");
    consumers.restart();
    consumers.come("m2");
    consumers.restart();
    expect(parts(consumers.beat("m1", 1, owns(0, 1, 2, 3)))).toEqual([0, 1]);
    consumers.restart();
    expect(consumers.beat("m2", 2, owns()).assignment).toBeNull();
    consumers.restart();
    expect(consumers.beat("m1", 1, owns(0, 1)).memberEpoch).toBe(2);
    consumers.restart();
    expect(parts(consumers.beat("m2", 2, owns()))).toEqual([2, 3]);
    expect(consumers.groups()).toMatchObject({ groupState: "Stable", groupEpoch: 2, assignmentEpoch: 2, assignorName: "uniform" });
  });
});

describe("a group without members changes its kind and keeps its offsets", () => {
  test("from classic to consumer and back", () => {
    const consumers = new Consumers();
    consumers.commit({ 0: 5 });
    expect(consumers.come("m1").errorCode).toBe(0);
    expect(consumers.beat("m1", -1).errorCode).toBe(0);
    expect(consumers.stable(1).generationId).toBe(1);
    consumers.restart();
    expect(consumers.describe().groupState).toBe("Stable");
    expect(consumers.committed(0)).toBe(5);
  });
});
