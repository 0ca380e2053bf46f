/** Groups that change between the classic and the consumer protocol while their members are there (KIP-848), rule by rule. */
import { describe, expect, test } from "vitest";
import { groupOptions, type GroupOptions } from "../../../core/group/options.ts";
import { settingDefaults } from "../../../core/settings.ts";
import { assigning, Consumers, owning, owns, parts } from "./consumers.ts";
import { text, topicA } from "./harness.ts";

const policy = (name: string) => groupOptions({ ...settingDefaults, "group.consumer.migration.policy": name }).migrationPolicy;

/** Two classic members with half of topic a each, in generation 1, and a consumer k that has just joined: epoch 2. */
function mixed(options: Partial<GroupOptions> = {}) {
  const group = new Consumers(options);
  const [a, b] = group.classics([
    [0, 1],
    [2, 3],
  ]) as [string, string];
  return { group, a, b, joined: group.come("k") };
}

/** As above, with everything moved: a has 0 and 1, b has 2 or 3, k the other. */
function settled(options: Partial<GroupOptions> = {}) {
  const { group, a, b } = mixed(options);
  const held = { [a]: [0, 1], [b]: [2, 3] };
  for (let round = 0; round < 2; round++) {
    for (const id of [a, b]) {
      const epoch = group.rejoin(id, held[id]!).generationId;
      held[id] = group.partsOf(id, epoch) as number[];
    }
  }
  const own = parts(group.beat("k", 2, owns()))!;
  return { group, a, b, held, own };
}

describe("a classic group that a consumer joins", () => {
  test("becomes a consumer group with its members, what they have and the epoch of their generation", () => {
    const { group, a, b, joined } = mixed();
    expect([joined.errorCode, joined.memberEpoch, parts(joined)]).toEqual([0, 2, []]);
    const described = group.groups();
    expect(described).toMatchObject({ groupState: "Reconciling", groupEpoch: 2, assignmentEpoch: 2 });
    expect(described.members.map(({ memberId, memberEpoch, speaksClassic }) => [memberId, memberEpoch, speaksClassic])).toEqual([
      [a, 1, true],
      [b, 1, true],
      ["k", 2, false],
    ]);
    expect(described.members.map(({ assignment }) => assignment[0]?.partitions ?? [])).toEqual([[0, 1], [2, 3], []]);
    expect(group.ask({ kind: "list-group" })).toMatchObject({ groupType: "consumer", protocolType: "consumer" });
  });

  test("tells its classic members to rejoin, who give up before they advance", () => {
    const { group, a, b } = mixed();
    expect([group.heartbeat(a, 1), group.heartbeat(b, 1)]).toEqual([27, 27]);
    // Nothing to give up: at once in the new epoch.
    expect(group.rejoin(a, [0, 1])).toMatchObject({
      errorCode: 0,
      generationId: 2,
      leader: "",
      members: [],
      protocolName: "range",
    });
    expect(group.partsOf(a, 2)).toEqual([0, 1]);
    expect(group.heartbeat(a, 2)).toBe(0);
    // One to give up: still in the old epoch, and told to come again.
    expect(group.rejoin(b, [2, 3]).generationId).toBe(1);
    const kept = group.partsOf(b, 1) as number[];
    expect(kept).toHaveLength(1);
    expect(parts(group.beat("k", 2, owns()))).toBeUndefined();
    expect(group.heartbeat(b, 1)).toBe(27);
    expect(group.rejoin(b, kept).generationId).toBe(2);
    expect(group.partsOf(b, 2)).toEqual(kept);
    expect(new Set([...kept, ...parts(group.beat("k", 2, owns()))!])).toEqual(new Set([2, 3]));
    expect(group.groups().groupState).toBe("Stable");
  });

  test("takes whatever an eager member had as given up once it rejoins owning nothing", () => {
    const { group, b } = mixed();
    expect(group.rejoin(b, [], { metadata: owning([]) }).generationId).toBe(2);
    expect(parts(group.beat("k", 2, owns()))).toHaveLength(1);
  });

  test("answers parked joins and syncs with 27", () => {
    const group = new Consumers();
    const [a, b] = group.classics([
      [0, 1],
      [2, 3],
    ]) as [string, string];
    const parkedJoin = group.join({ memberId: a, metadata: owning([0, 1]) });
    group.come("k");
    expect(group.joined(parkedJoin)).toMatchObject({ errorCode: 27, memberId: a });
    expect(group.rejoin(a, [0, 1]).errorCode).toBe(0);

    const other = new Consumers();
    const ids = other.classics([
      [0, 1],
      [2, 3],
    ]);
    for (const memberId of ids) other.join({ memberId, metadata: owning([]) });
    const parkedSync = other.sync(ids[1]!, 2);
    other.come("k");
    expect(other.synced(parkedSync).errorCode).toBe(27);
    // What the leader had assigned before is theirs until they say otherwise.
    expect(other.groups().members.map(({ assignment }) => assignment[0]?.partitions ?? [])).toEqual([[0, 1], [2, 3], []]);
    expect(b).toBeDefined();
  });

  test("that is still gathering for the first time has members without partitions", () => {
    const group = new Consumers();
    const parked = group.join({ version: 3, metadata: owning([]) });
    expect(parts(group.come("k"))).toHaveLength(2);
    expect(group.joined(parked).errorCode).toBe(27);
  });

  test("is not touched when the consumer is refused", () => {
    const group = new Consumers({ consumerMaxSize: 2 });
    const [a] = group.classics([
      [0, 1],
      [2, 3],
    ]) as [string];
    const before = group.rows.written;
    expect(group.come("k").errorCode).toBe(81);
    expect([group.heartbeat(a, 1), group.describe().groupState, group.rows.written]).toEqual([0, "Stable", before]);
  });

  const reasons: [
    what: string,
    options: Partial<GroupOptions>,
    assignment: Uint8Array,
    metadata: Uint8Array,
    type: string,
    reason: string,
  ][] = [
    ["by policy", { migrationPolicy: policy("disabled") }, assigning([0]), owning([]), "consumer", "online upgrade is disabled."],
    [
      "by policy, the other way only",
      { migrationPolicy: policy("downgrade") },
      assigning([0]),
      owning([]),
      "consumer",
      "online upgrade is disabled.",
    ],
    [
      "for its kind of members",
      {},
      assigning([0]),
      owning([]),
      "connect",
      "the group does not use the consumer embedded protocol.",
    ],
    [
      "for its size",
      { consumerMaxSize: 0 },
      assigning([0]),
      owning([]),
      "consumer",
      "the group size exceeds the consumer group maximum size.",
    ],
    ["for its members' metadata", {}, assigning([0]), text("?"), "consumer", "the embedded consumer protocol is malformed."],
    ["for its members' assignment", {}, text("?"), owning([]), "consumer", "the embedded consumer protocol is malformed."],
    [
      "for its assignor",
      {},
      Uint8Array.of(...assigning([0]).subarray(0, -4), 0, 0, 0, 1, 7),
      owning([]),
      "consumer",
      "an unsupported custom assignor is in use. Please refer to the documentation or switch to a default assignor before re-attempting the upgrade.",
    ],
  ];
  test.each(reasons)("stays one %s: 69", (_, options, assignment, metadata, type, reason) => {
    const group = new Consumers({ groupId: "g", ...options });
    const join = group.join({ version: 3, metadata, type });
    group.advance(6000);
    const { memberId } = group.joined(join);
    const request = { generationId: 1, memberId, groupInstanceId: null, protocolType: null, protocolName: null };
    group.send({ kind: "sync-group", request: { ...request, assignments: [{ memberId, assignment }] } });
    const errorMessage = `Cannot upgrade classic group g to consumer group because ${reason}`;
    expect(group.come("k")).toMatchObject({ errorCode: 69, errorMessage });
    expect(group.heartbeat(memberId, 1)).toBe(0);
  });
});

describe("a classic member that joins a consumer group", () => {
  test("is given an id first from version 4, joins at once below", () => {
    const group = new Consumers();
    group.come("k");
    const { errorCode, memberId } = group.rejoin("", [], { version: 4 });
    expect([errorCode, memberId !== ""]).toEqual([79, true]);
    expect(group.rejoin(memberId, [], { version: 4 })).toMatchObject({ errorCode: 0, memberId, generationId: 2 });
    expect(group.partsOf(memberId, 2)).toEqual([]);
    expect(group.rejoin("", [], { version: 3 })).toMatchObject({ errorCode: 0, generationId: 3 });
  });

  test.each([
    ["of another protocol type", { type: "connect" }, 23],
    ["without a protocol", { protocols: [] }, 23],
    ["whose metadata nobody can read", { metadata: text("?") }, -1],
    ["with a session time-out that is not allowed", { session: 1 }, 26],
    ["with an instance id that nobody has", { memberId: "x", instance: "i" }, 25],
  ])("%s is refused", (_, options, errorCode) => {
    const group = new Consumers();
    group.come("k");
    expect(group.rejoin("m", [], options)).toMatchObject({ errorCode, generationId: -1 });
    expect(group.groups().members).toHaveLength(1);
  });

  test("that was removed meanwhile is told so when it comes with what it owned; one that owns nothing is welcome", () => {
    const { group } = mixed();
    expect(group.rejoin("x", [0]).errorCode).toBe(25);
    expect(group.rejoin("x", []).errorCode).toBe(0);
  });

  test("must speak a protocol that all classic members speak", () => {
    const { group } = mixed();
    expect(group.rejoin("m", [], { protocols: ["sticky"] }).errorCode).toBe(23);
    expect(group.rejoin("m", [], { protocols: ["sticky", "range"] })).toMatchObject({ errorCode: 0, protocolName: "sticky" });
  });

  test("is refused by a group that is full", () => {
    const { group, a } = mixed({ consumerMaxSize: 3 });
    expect(group.rejoin("m", []).errorCode).toBe(81);
    expect(group.rejoin(a, [0, 1]).errorCode).toBe(0);
  });

  test("is told 14 by a group that has not seen the topics since it started", () => {
    const { group, a } = mixed();
    group.restart();
    const { view } = group;
    Object.assign(group, { view: undefined });
    expect(group.rejoin(a, [0, 1]).errorCode).toBe(14);
    Object.assign(group, { view });
    expect(group.rejoin(a, [0, 1]).errorCode).toBe(0);
  });

  test.each([
    ["a generation that is not its epoch", 1, {}, 22],
    ["another protocol type", 2, { type: "connect" }, 23],
    ["another protocol", 2, { protocol: "sticky" }, 23],
    ["its protocol", 2, { type: "consumer", protocol: "range" }, 0],
    ["an instance id that nobody has", 2, { instance: "i" }, 25],
  ])("syncs with %s: %i", (_, generationId, options, errorCode) => {
    const { group, a } = settled();
    expect(group.synced(group.sync(a, generationId, {}, options)).errorCode).toBe(errorCode);
  });

  test("heartbeats of another generation get 22, of strangers and of consumers 25", () => {
    const { group, a } = settled();
    expect([group.heartbeat(a, 1), group.heartbeat("x", 2), group.heartbeat("k", 2)]).toEqual([22, 25, 25]);
  });

  test("commits and fetches in the generation of its epoch, in every version", () => {
    const { group, a } = settled();
    for (const version of [2, 8, 9]) {
      expect(group.commit({ 0: version }, { memberId: a, generationId: 2, version })).toEqual([0]);
      expect(group.commit({ 0: 99 }, { memberId: a, generationId: 1, version })).toEqual([22]);
    }
    expect(group.committed(0)).toBe(9);
    const fetched = (memberEpoch: number) =>
      group.ask({ kind: "offset-fetch", request: { memberId: a, memberEpoch, topics: null, requireStable: false } });
    expect([fetched(2), fetched(1)]).toMatchObject([{ errorCode: 0 }, { errorCode: 22 }]);
  });

  test("that rejoins and changes nothing writes nothing", () => {
    const { group, a } = settled();
    group.rejoin(a, [0, 1]);
    const before = group.rows.written;
    expect(group.rejoin(a, [0, 1]).generationId).toBe(2);
    expect(group.heartbeat(a, 2)).toBe(0);
    expect(group.rows.written).toBe(before);
  });

  test("that subscribes to something else moves the group", () => {
    const { group, a } = settled();
    expect(group.rejoin(a, [], { metadata: owning([], ["b"]) }).generationId).toBe(3);
    expect(group.partsOf(a, 3)).toEqual([]);
    expect(group.groups().groupEpoch).toBe(3);
  });

  test("is removed when its own session ends, others when the group's does", () => {
    const { group, a, b } = settled();
    for (let at = 0; at < 4; at++) {
      group.advance(4000);
      group.heartbeat(a, 2);
    }
    expect(group.heartbeat(b, 2)).toBe(25);
    expect(group.groups().members.map(({ memberId }) => memberId)).toEqual([a, "k"]);
  });

  test("that was told to rejoin and does not within its rebalance time-out is removed", () => {
    const { group, a, b } = mixed();
    const step = (ms: number) => {
      group.advance(ms);
      group.beat("k", 2);
      return [group.heartbeat(a, 1), group.heartbeat(b, 1)];
    };
    expect(step(0)).toEqual([27, 27]);
    for (let at = 0; at < 6; at++) expect(step(9000)).toEqual([27, 27]);
    expect(step(9000)).toEqual([25, 25]);
  });

  test("that joined and does not sync within its rebalance time-out is removed", () => {
    const { group, a, b } = settled();
    expect(group.rejoin(a, [0, 1]).errorCode).toBe(0);
    for (let at = 0; at < 7; at++) {
      expect([group.heartbeat(a, 2), group.heartbeat(b, 2)]).toEqual([0, 0]);
      group.beat("k", 2);
      group.advance(9000);
    }
    expect(group.heartbeat(a, 2)).toBe(25);
  });
});

describe("a consumer group whose last consumer goes while classic members are left", () => {
  const ways: [how: string, go: (group: Consumers) => void][] = [
    ["leaves", (group) => group.beat("k", -1)],
    ["is removed by an administrator", (group) => group.leave({ memberId: "k" })],
  ];
  test.each(ways)("because it %s becomes a classic group that rebalances", (_, go) => {
    const { group, a, b, held } = settled();
    group.commit({ 0: 7 }, { memberId: a, generationId: 2 });
    go(group);
    expect(group.describe()).toMatchObject({ errorCode: 0, groupState: "PreparingRebalance", protocolType: "consumer" });
    expect([group.heartbeat(a, 2), group.heartbeat(b, 2)]).toEqual([27, 27]);
    const joins = [a, b].map((memberId) => group.join({ memberId, metadata: owning(held[memberId]!) }));
    const [first, second] = joins.map((join) => group.joined(join));
    expect([first!.generationId, second!.generationId]).toEqual([3, 3]);
    expect([first!, second!].flatMap(({ members }) => members)).toHaveLength(2);
    expect(group.committed(0)).toBe(7);
  });

  test("because its session ends does so too, and the others live on with their own sessions", () => {
    const { group, a, b } = settled();
    for (let at = 0; at < 11; at++) {
      group.advance(4500);
      group.heartbeat(a, 2);
      group.heartbeat(b, 2);
    }
    expect(group.describe()).toMatchObject({ errorCode: 0, groupState: "PreparingRebalance" });
    group.advance(10_000);
    expect(group.describe().members).toEqual([]);
  });

  test.each([
    ["disabled", {}],
    ["upgrade", {}],
    ["bidirectional", { maxSize: 1 }],
  ])("stays a consumer group under policy %s %o", (name, options) => {
    const { group, a, b } = settled();
    Object.assign(group.options, { migrationPolicy: policy(name), ...options });
    group.beat("k", -1);
    expect(group.groups()).toMatchObject({ errorCode: 0, groupEpoch: 3 });
    expect([group.heartbeat(a, 2), group.rejoin(a, [0, 1]).generationId]).toEqual([27, 3]);
    expect(group.heartbeat(b, 2)).toBe(27);
  });

  test("is empty when none is left at all", () => {
    const group = new Consumers();
    group.come("k");
    group.beat("k", -1);
    expect(group.groups().groupState).toBe("Empty");
  });

  test("comes back as what it has become, whenever it is restarted", () => {
    const { group, a, b } = settled();
    group.restart();
    group.beat("k", -1);
    group.restart();
    expect(group.heartbeat(a, 2)).toBe(27);
    const joins = [a, b].map((memberId) => group.join({ memberId, metadata: owning([]) }));
    group.restart();
    expect(joins.map((join) => group.answers.has(join))).toEqual([true, true]);
    expect(group.describe().groupState).toBe("CompletingRebalance");
    group.come("k2");
    group.restart();
    expect(group.groups().members).toHaveLength(3);
  });
});

describe("static members change the protocol under one instance id", () => {
  const instance = "i";

  test("from classic to consumer without leaving first; the old self is fenced with 82", () => {
    const group = new Consumers();
    const [a, b] = group.classics(
      [
        [0, 1],
        [2, 3],
      ],
      [{ instance }],
    ) as [string, string];
    const answer = group.come("k", { instanceId: instance });
    expect([answer.errorCode, parts(answer)]).toEqual([0, [0, 1]]);
    expect(group.heartbeat(a, 1, instance)).toBe(82);
    expect(group.heartbeat(b, 1)).toBe(answer.memberEpoch === 1 ? 0 : 27);
    group.restart();
    expect(group.beat("k", answer.memberEpoch, { ...owns(0, 1), instanceId: instance }).errorCode).toBe(0);
  });

  test("and back: with the same subscription nobody else moves when all others are classic", () => {
    const group = new Consumers();
    const [a, b] = group.classics(
      [
        [0, 1],
        [2, 3],
      ],
      [{ instance }],
    ) as [string, string];
    const { memberEpoch } = group.come("k", { instanceId: instance });
    group.rejoin(b, [2, 3]);
    const back = group.rejoin("", [], { instance });
    expect(back).toMatchObject({ errorCode: 0, generationId: memberEpoch });
    expect(group.beat("k", memberEpoch, { instanceId: instance }).errorCode).toBe(69);
    expect(group.describe().groupState).toBe("Stable");
    expect(group.partsOf(back.memberId, memberEpoch, { instance })).toEqual([0, 1]);
    expect([group.heartbeat(b, memberEpoch), group.heartbeat(back.memberId, memberEpoch, instance)]).toEqual([0, 0]);
    group.restart();
    expect([group.heartbeat(b, memberEpoch), group.heartbeat(back.memberId, memberEpoch, instance)]).toEqual([0, 0]);
    expect(a).not.toBe(back.memberId);
  });

  test("and back with another subscription: all rebalance", () => {
    const group = new Consumers();
    group.classics(
      [
        [0, 1],
        [2, 3],
      ],
      [{ instance }],
    );
    group.come("k", { instanceId: instance });
    group.rejoin("", [], { instance, metadata: owning([], ["b"]) });
    expect(group.describe().groupState).toBe("PreparingRebalance");
  });

  test("within a group of both: the consumer is fenced with 82, the group stays", () => {
    const group = new Consumers();
    group.come("k1");
    group.come("k2", { instanceId: instance });
    const joined = group.rejoin("", [], { instance });
    expect(joined).toMatchObject({ errorCode: 0 });
    expect(group.beat("k2", 2, { instanceId: instance }).errorCode).toBe(82);
    expect(group.groups().members.filter(({ speaksClassic }) => speaksClassic)).toHaveLength(1);
    expect(group.leave({ memberId: "x", instance }, { memberId: "", instance })).toEqual([82, 0]);
  });

  test("a classic instance that comes back under a new id keeps its partitions", () => {
    const { group, a } = settled();
    const first = group.rejoin("", [], { instance });
    expect(first.errorCode).toBe(0);
    const second = group.rejoin("", [], { instance });
    expect(second.generationId).toBe(first.generationId);
    expect(group.heartbeat(first.memberId, first.generationId, instance)).toBe(82);
    expect(group.rejoin(first.memberId, [], { instance }).errorCode).toBe(82);
    expect(group.heartbeat(a, 2)).toBe(27);
  });
});

test("a member that comes over under its own id speaks the consumer protocol from then on", () => {
  const { group, a } = settled();
  expect(group.come(a)).toMatchObject({ errorCode: 0, memberEpoch: 2 });
  expect(group.heartbeat(a, 2)).toBe(25);
  expect(group.groups().members.filter(({ speaksClassic }) => speaksClassic)).toHaveLength(1);
});

test("a partition that an assignor gave to two members belongs to the first of them after an upgrade", () => {
  const group = new Consumers();
  group.classics([
    [0, 1],
    [1, 2, 3],
  ]);
  group.come("k");
  const assigned = group.groups().members.flatMap(({ assignment }) => assignment.flatMap(({ partitions }) => partitions));
  expect(assigned.toSorted((left, right) => left - right)).toEqual([0, 1, 2, 3]);
});

test("offsets of topics that a mixed group subscribes to are not deleted", () => {
  const { group } = mixed();
  expect(group.deleteOffsets(topicA, [0]).partitionErrors).toEqual([[86]]);
});
