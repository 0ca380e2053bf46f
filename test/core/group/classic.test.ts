/** The classic protocol, rule by rule: what Kafka answers in which state. */
import { describe, expect, test } from "vitest";
import { Harness, subscription, text, untext, type JoinOptions } from "./harness.ts";

/** A group of two in PreparingRebalance: the first has rejoined (parked), the second has not yet. */
function preparing() {
  const harness = new Harness();
  const { ids, generationId } = harness.stable(2);
  const rejoin = harness.join({ memberId: ids[0]! });
  return { harness, ids, generationId, rejoin };
}

/** A group of two in CompletingRebalance, generation 1: nobody has synced. */
function completing() {
  const harness = new Harness();
  const joins = [harness.join({ version: 3 }), harness.join({ version: 3 })];
  harness.advance(10_000);
  return { harness, ids: joins.map((join) => harness.joined(join).memberId), generationId: 1 };
}

function empty() {
  const harness = new Harness();
  const { ids, generationId } = harness.stable(1);
  harness.leave({ memberId: ids[0]! });
  return { harness, ids, generationId };
}

function stable() {
  const harness = new Harness();
  return { harness, ...harness.stable(2) };
}

const states = { Empty: empty, PreparingRebalance: preparing, CompletingRebalance: completing, Stable: stable };

describe("the states of the table are what they say", () => {
  test.each(Object.entries(states))("%s", (name, make) => {
    expect(make().harness.describe().groupState).toBe(name);
  });
});

describe("Heartbeat answers by state and claim", () => {
  const rules: [state: keyof typeof states, claim: string, errorCode: number][] = [
    ["Empty", "member", 25],
    ["PreparingRebalance", "member", 27],
    ["CompletingRebalance", "member", 0],
    ["Stable", "member", 0],
    ["Empty", "stranger", 25],
    ["PreparingRebalance", "stranger", 25],
    ["CompletingRebalance", "stranger", 25],
    ["Stable", "stranger", 25],
    ["PreparingRebalance", "old generation", 22],
    ["CompletingRebalance", "old generation", 22],
    ["Stable", "old generation", 22],
    ["Stable", "unknown instance", 25],
  ];
  test.each(rules)("%s, %s: %i", (state, claim, errorCode) => {
    const { harness, ids, generationId } = states[state]();
    const memberId = claim === "stranger" ? "stranger" : ids[0]!;
    const generation = claim === "old generation" ? generationId - 1 : generationId;
    expect(harness.heartbeat(memberId, generation, claim === "unknown instance" ? "i" : null)).toBe(errorCode);
  });

  test("no such group: 25", () => expect(new Harness().heartbeat("m", 1)).toBe(25));
});

describe("SyncGroup answers by state and claim", () => {
  const rules: [state: keyof typeof states, claim: string, errorCode: number][] = [
    ["Empty", "member", 25],
    ["PreparingRebalance", "member", 27],
    ["Stable", "member", 0],
    ["Stable", "stranger", 25],
    ["Stable", "old generation", 22],
    ["CompletingRebalance", "old generation", 22],
    ["CompletingRebalance", "other protocol type", 23],
    ["CompletingRebalance", "other protocol name", 23],
    ["Stable", "other protocol name", 23],
  ];
  test.each(rules)("%s, %s: %i", (state, claim, errorCode) => {
    const { harness, ids, generationId } = states[state]();
    const options = claim.startsWith("other protocol") ? { [claim.endsWith("type") ? "type" : "protocol"]: "other" } : {};
    const memberId = claim === "stranger" ? "stranger" : ids.at(-1)!;
    const generation = claim === "old generation" ? generationId - 1 : generationId;
    expect(harness.synced(harness.sync(memberId, generation, {}, options)).errorCode).toBe(errorCode);
  });

  test("no such group: 25", () => {
    const harness = new Harness();
    expect(harness.synced(harness.sync("m", 1)).errorCode).toBe(25);
  });

  test("followers wait for the leader and get what it assigns, members it left out get nothing", () => {
    const { harness, ids } = completing();
    const follower = harness.sync(ids[1]!, 1);
    expect(harness.answers.has(follower)).toBe(false);
    const leader = harness.sync(ids[0]!, 1, { [ids[0]!]: "one" });
    expect(untext(harness.synced(leader).assignment)).toBe("one");
    expect(harness.synced(follower)).toEqual({
      errorCode: 0,
      protocolType: "consumer",
      protocolName: "range",
      assignment: new Uint8Array(0),
    });
  });

  test("a repeated sync of a stable generation is told the same again", () => {
    const { harness, ids } = stable();
    expect(untext(harness.synced(harness.sync(ids[1]!, 1)).assignment)).toBe("part 1");
  });

  test("parked syncs are sent back with 27 when a rebalance begins", () => {
    const { harness, ids } = completing();
    const parked = harness.sync(ids[1]!, 1);
    harness.join({ version: 3 });
    expect(harness.synced(parked).errorCode).toBe(27);
  });

  test("members that never sync are removed when the rebalance timeout has passed, and the others rebalance", () => {
    const { harness, ids } = completing();
    harness.sync(ids[0]!, 1, {});
    for (let beat = 0; beat < 12; beat++) {
      harness.advance(5000);
      for (const id of ids) harness.heartbeat(id, 1);
    }
    expect(harness.describe().groupState).toBe("PreparingRebalance");
    expect(harness.heartbeat(ids[1]!, 1)).toBe(25);
    expect(harness.heartbeat(ids[0]!, 1)).toBe(27);
  });
});

describe("JoinGroup refuses", () => {
  const rules: [rule: string, options: JoinOptions, errorCode: number, memberId: string][] = [
    ["a session timeout below the minimum", { session: 5999 }, 26, ""],
    ["a session timeout above the maximum", { session: 1_800_001 }, 26, ""],
    ["a member id when there is no group", { memberId: "m" }, 25, "m"],
    ["no protocols", { protocols: [] }, 23, ""],
    ["no protocol type", { type: "" }, 23, ""],
  ];
  test.each(rules)("%s", (_, options, errorCode, memberId) => {
    const harness = new Harness();
    expect(harness.joined(harness.join(options))).toMatchObject({ errorCode, memberId, generationId: -1, protocolName: null });
    expect(harness.describe().groupState).toBe("Dead");
  });

  test("another protocol type than the group's", () => {
    const { harness } = stable();
    expect(harness.joined(harness.join({ type: "connect" })).errorCode).toBe(23);
  });

  test("protocols that not every member speaks", () => {
    const { harness } = stable();
    expect(harness.joined(harness.join({ protocols: ["sticky"] })).errorCode).toBe(23);
  });

  test("a member id the group does not know", () => {
    const { harness } = stable();
    expect(harness.joined(harness.join({ memberId: "stranger" }))).toMatchObject({ errorCode: 25, memberId: "stranger" });
  });

  test("an unknown member of an empty group, so that it starts anew", () => {
    const { harness, ids } = empty();
    expect(harness.joined(harness.join({ memberId: ids[0]! })).errorCode).toBe(25);
  });

  test("more members than the group may have", () => {
    const harness = new Harness({ maxSize: 2 });
    const { ids } = harness.stable(2);
    expect(harness.joined(harness.join()).errorCode).toBe(81);
    expect(harness.heartbeat(ids[0]!, 1)).toBe(0);
  });

  test("those that rejoin last in a group that has become too large", () => {
    const harness = new Harness();
    const { ids } = harness.stable(3);
    (harness.options as { maxSize: number }).maxSize = 2;
    const [first, second] = [harness.join({ memberId: ids[0]! }), harness.join({ memberId: ids[1]! })];
    expect(harness.joined(harness.join({ memberId: ids[2]! })).errorCode).toBe(81);
    expect(harness.joined(first).generationId).toBe(2);
    expect(harness.joined(second).generationId).toBe(2);
  });
});

describe("JoinGroup gives member ids", () => {
  test("from version 4 with 79 first, made of client id and uuid", () => {
    const harness = new Harness();
    expect(harness.joined(harness.join({ version: 4, clientId: "app" }))).toMatchObject({ errorCode: 79, memberId: "app-uuid1" });
  });

  test("at once below version 4", () => {
    const harness = new Harness();
    const join = harness.join({ version: 3, clientId: "app" });
    harness.advance(3000);
    expect(harness.joined(join)).toMatchObject({ errorCode: 0, memberId: "app-uuid1", generationId: 1, leader: "app-uuid1" });
  });

  test("at once to static members, made of the instance id", () => {
    const harness = new Harness();
    const join = harness.join({ instance: "rack-1" });
    harness.advance(3000);
    expect(harness.joined(join)).toMatchObject({ errorCode: 0, memberId: "rack-1-uuid1" });
  });

  test("that expire when their owner does not come back", () => {
    const harness = new Harness();
    const { memberId } = harness.joined(harness.join({ session: 10_000 }));
    harness.advance(10_000);
    expect(harness.joined(harness.join({ memberId })).errorCode).toBe(25);
  });

  test("whose owners are waited for by the rebalance under way", () => {
    const { harness, ids, rejoin } = preparing();
    const { memberId } = harness.joined(harness.join());
    const second = harness.join({ memberId: ids[1]! });
    expect(harness.answers.has(rejoin)).toBe(false);
    const third = harness.join({ memberId });
    for (const join of [rejoin, second, third]) expect(harness.joined(join).generationId).toBe(2);
  });

  test("whose owners leave: the rebalance goes on without them", () => {
    const { harness, ids, rejoin } = preparing();
    const { memberId } = harness.joined(harness.join());
    harness.join({ memberId: ids[1]! });
    expect(harness.leave({ memberId })).toEqual([0]);
    expect(harness.joined(rejoin).generationId).toBe(2);
  });

  test("that leave a stable group alone as long as nobody uses them", () => {
    const { harness, ids } = stable();
    const { memberId } = harness.joined(harness.join());
    harness.leave({ memberId });
    expect(harness.heartbeat(ids[0]!, 1)).toBe(0);
  });
});

describe("the first rebalance", () => {
  test("waits group.initial.rebalance.delay.ms", () => {
    const harness = new Harness();
    const { request } = harness.enter();
    harness.advance(2999);
    expect(harness.answers.has(request)).toBe(false);
    harness.advance(1);
    expect(harness.joined(request).generationId).toBe(1);
  });

  test("waits anew for as long as members keep coming", () => {
    const harness = new Harness();
    const first = harness.enter();
    harness.advance(2000);
    const second = harness.enter();
    harness.advance(3999);
    expect(harness.answers.has(first.request)).toBe(false);
    harness.advance(1);
    expect(harness.joined(first.request).members).toHaveLength(2);
    expect(harness.joined(second.request)).toMatchObject({ members: [], leader: first.memberId });
  });

  test("never waits longer than the rebalance timeout", () => {
    const harness = new Harness();
    const first = harness.enter({ rebalance: 7000 });
    for (let at = 0; at < 7; at++) {
      harness.advance(1000);
      harness.enter({ rebalance: 7000 });
    }
    expect(harness.joined(first.request).generationId).toBe(1);
  });

  test("does not wait when the delay is 0", () => {
    const harness = new Harness({ initialRebalanceDelayMs: 0 });
    expect(harness.joined(harness.enter().request).generationId).toBe(1);
  });
});

describe("a rebalance", () => {
  test("ends when everybody has rejoined", () => {
    const { harness, ids, rejoin } = preparing();
    expect(harness.answers.has(rejoin)).toBe(false);
    const second = harness.join({ memberId: ids[1]! });
    expect(harness.joined(rejoin)).toMatchObject({ errorCode: 0, generationId: 2, leader: ids[0], protocolName: "range" });
    expect(
      harness
        .joined(rejoin)
        .members.map(({ memberId }) => memberId)
        .sort(),
    ).toEqual([...ids].sort());
    expect(harness.joined(second).members).toEqual([]);
  });

  test("ends without those who have not rejoined in the rebalance timeout, however lively they are", () => {
    const { harness, ids, rejoin } = preparing();
    for (let beat = 0; beat < 12; beat++) {
      harness.advance(4999);
      expect(harness.heartbeat(ids[1]!, 1)).toBe(27);
    }
    harness.advance(1000);
    expect(harness.joined(rejoin).members.map(({ memberId }) => memberId)).toEqual([ids[0]]);
    expect(harness.heartbeat(ids[1]!, 1)).toBe(25);
  });

  test("ends when those who have not rejoined are silent for their session timeout", () => {
    const { harness, rejoin } = preparing();
    harness.advance(10_000);
    expect(harness.joined(rejoin).generationId).toBe(2);
  });

  test("does not end a session whose join is parked", () => {
    const { harness, ids, rejoin } = preparing();
    for (let beat = 0; beat < 10; beat++) {
      harness.advance(5000);
      harness.heartbeat(ids[1]!, 1);
    }
    harness.join({ memberId: ids[1]! });
    expect(harness.joined(rejoin).errorCode).toBe(0);
  });

  test("elects a member that rejoined when the leader did not", () => {
    const harness = new Harness();
    const { ids } = harness.stable(2);
    const rejoin = harness.join({ memberId: ids[1]!, metadata: subscription("b") });
    harness.advance(60_000);
    expect(harness.joined(rejoin)).toMatchObject({ leader: ids[1], generationId: 2 });
  });

  test("forgets a new member whose join has been parked for five minutes", () => {
    const { harness, ids } = stable();
    const join = harness.join({ version: 3, rebalance: 600_000 });
    for (let beat = 0; beat < 60; beat++) {
      harness.advance(5000);
      for (const id of ids) harness.heartbeat(id, 1);
    }
    expect(harness.joined(join)).toMatchObject({ errorCode: 25, memberId: "" });
  });

  test("answers an earlier parked join of the same member with 27", () => {
    const { harness, ids, rejoin } = preparing();
    harness.join({ memberId: ids[0]! });
    expect(harness.joined(rejoin).errorCode).toBe(27);
  });

  test("chooses the protocol most members prefer among those all speak", () => {
    const harness = new Harness();
    const joins = [
      harness.join({ version: 3, protocols: ["range", "sticky"] }),
      harness.join({ version: 3, protocols: ["other", "sticky", "range"] }),
      harness.join({ version: 3, protocols: ["sticky", "range"] }),
    ];
    harness.advance(10_000);
    for (const join of joins) expect(harness.joined(join).protocolName).toBe("sticky");
  });
});

describe("a member of a stable group that joins again", () => {
  test("starts a rebalance when it leads", () => {
    const { harness, ids } = stable();
    harness.join({ memberId: ids[0]! });
    expect(harness.heartbeat(ids[1]!, 1)).toBe(27);
  });

  test("starts a rebalance when its metadata changed", () => {
    const { harness, ids } = stable();
    harness.join({ memberId: ids[1]!, metadata: subscription("b") });
    expect(harness.heartbeat(ids[0]!, 1)).toBe(27);
  });

  test("is told of the generation again when it follows and nothing changed", () => {
    const { harness, ids } = stable();
    expect(harness.joined(harness.join({ memberId: ids[1]! }))).toMatchObject({
      errorCode: 0,
      generationId: 1,
      leader: ids[0],
      protocolType: "consumer",
      protocolName: "range",
      members: [],
    });
    expect(harness.heartbeat(ids[0]!, 1)).toBe(0);
  });
});

describe("a member that joins again while the group completes", () => {
  test("is told again when nothing changed, the leader with all members", () => {
    const { harness, ids } = completing();
    expect(harness.joined(harness.join({ memberId: ids[0]! })).members).toHaveLength(2);
    expect(harness.joined(harness.join({ memberId: ids[1]! }))).toMatchObject({ errorCode: 0, generationId: 1, members: [] });
  });

  test("starts over when its metadata changed", () => {
    const { harness, ids } = completing();
    harness.join({ memberId: ids[1]!, metadata: subscription("b") });
    expect(harness.heartbeat(ids[0]!, 1)).toBe(27);
  });
});

describe("members that go", () => {
  test.each(Object.entries(states))("by leaving in %s are gone at once", (state, make) => {
    const { harness, ids, generationId } = make();
    const last = ids.at(-1)!;
    expect(harness.leave({ memberId: last })).toEqual([state === "Empty" ? 25 : 0]);
    expect(harness.heartbeat(last, generationId)).toBe(25);
  });

  test("by dying in CompletingRebalance as leader make the others rejoin", () => {
    const { harness, ids } = completing();
    const parked = harness.sync(ids[1]!, 1);
    harness.advance(10_000);
    expect(harness.synced(parked).errorCode).toBe(27);
    expect(harness.heartbeat(ids[0]!, 1)).toBe(25);
    const rejoin = harness.join({ memberId: ids[1]! });
    expect(harness.joined(rejoin)).toMatchObject({ errorCode: 0, leader: ids[1], generationId: 2 });
  });

  test("by dying in Stable make the others rebalance", () => {
    const { harness, ids } = stable();
    harness.advance(6000);
    harness.heartbeat(ids[0]!, 1);
    harness.advance(4000);
    expect(harness.heartbeat(ids[1]!, 1)).toBe(25);
    expect(harness.heartbeat(ids[0]!, 1)).toBe(27);
  });

  test("all together leave an empty group of a new generation", () => {
    const { harness } = stable();
    harness.advance(10_000);
    expect(harness.describe()).toMatchObject({ groupState: "Empty", members: [], protocolType: "consumer", protocolData: "" });
    const join = harness.join({ version: 3 });
    harness.advance(3000);
    expect(harness.joined(join).generationId).toBe(3);
  });

  test("with a parked sync are answered", () => {
    const { harness, ids } = completing();
    const parked = harness.sync(ids[1]!, 1);
    harness.leave({ memberId: ids[1]! });
    expect(harness.synced(parked).errorCode).toBe(25);
  });

  test("leave in a batch, each with its own answer, and one rebalance", () => {
    const harness = new Harness();
    const { ids } = harness.stable(3);
    expect(harness.leave({ memberId: ids[1]! }, { memberId: "stranger" }, { memberId: ids[2]! })).toEqual([0, 25, 0]);
    expect(harness.joined(harness.join({ memberId: ids[0]! }))).toMatchObject({ generationId: 2 });
  });

  test("of a group that does not exist are unknown", () => {
    expect(new Harness().leave({ memberId: "m" })).toEqual([25]);
  });
});

describe("static membership (KIP-345)", () => {
  function staticPair(harness = new Harness(), protocols = ["range"]) {
    const joins = [harness.join({ instance: "one", protocols }), harness.join({ instance: "two", protocols })];
    harness.advance(10_000);
    const [one, two] = joins.map((join) => harness.joined(join).memberId) as [string, string];
    harness.sync(one, 1, { [one]: "part one", [two]: "part two" }, { instance: "one" });
    harness.sync(two, 1, {}, { instance: "two" });
    return { harness, one, two };
  }

  test("a known instance that comes back gets its assignment, without a rebalance", () => {
    const { harness, one } = staticPair();
    const back = harness.joined(harness.join({ instance: "two" }));
    expect(back).toMatchObject({ errorCode: 0, generationId: 1, leader: one, members: [] });
    expect(back.memberId).toBe("two-uuid3");
    expect(untext(harness.synced(harness.sync(back.memberId, 1, {}, { instance: "two" })).assignment)).toBe("part two");
    expect(harness.heartbeat(one, 1, "one")).toBe(0);
  });

  test("the old member id is fenced with 82 from then on", () => {
    const { harness, two } = staticPair();
    harness.join({ instance: "two" });
    expect(harness.heartbeat(two, 1, "two")).toBe(82);
    expect(harness.synced(harness.sync(two, 1, {}, { instance: "two" })).errorCode).toBe(82);
    expect(harness.joined(harness.join({ memberId: two, instance: "two" })).errorCode).toBe(82);
    expect(harness.leave({ memberId: two, instance: "two" })).toEqual([82]);
    expect(harness.commit({ 0: 1 }, { memberId: two, generationId: 1, instance: "two" })).toEqual([82]);
  });

  test("a leader that comes back is told to skip the assignment from version 9, and of its former self below", () => {
    const { harness, one } = staticPair();
    const below = harness.joined(harness.join({ instance: "one", version: 8 }));
    expect(below).toMatchObject({ leader: one, skipAssignment: false, members: [] });
    const back = harness.joined(harness.join({ instance: "one" }));
    expect(back).toMatchObject({ leader: back.memberId, skipAssignment: true });
    expect(back.members).toHaveLength(2);
  });

  test("an instance that comes back with protocols that change the group's choice starts a rebalance", () => {
    const harness = new Harness();
    const joins = ["one", "two"].map((instance) => harness.join({ instance, protocols: ["range", "sticky"] }));
    harness.advance(10_000);
    const ids = joins.map((join) => harness.joined(join).memberId);
    harness.sync(ids[0]!, 1, {}, { instance: "one" });
    harness.sync(ids[1]!, 1, {}, { instance: "two" });
    harness.join({ instance: "two", protocols: ["sticky"] });
    expect(harness.heartbeat(ids[0]!, 1, "one")).toBe(27);
  });

  test("an instance that comes back while the group completes starts over", () => {
    const harness = new Harness();
    const joins = ["one", "two"].map((instance) => harness.join({ instance }));
    harness.advance(10_000);
    const one = harness.joined(joins[0]!).memberId;
    harness.join({ instance: "two" });
    expect(harness.heartbeat(one, 1, "one")).toBe(27);
  });

  test("an instance that comes back while its former self waits fences that one at once", () => {
    const { harness, one } = staticPair();
    const parked = harness.join({ instance: "one", memberId: one });
    harness.join({ instance: "one" });
    expect(harness.joined(parked).errorCode).toBe(82);
  });

  test("static members that do not rejoin stay until their session ends", () => {
    const { harness, one, two } = staticPair();
    const rejoin = harness.join({ instance: "one", memberId: one, rebalance: 7000 });
    harness.advance(5000);
    harness.heartbeat(two, 1, "two");
    expect(harness.answers.has(rejoin)).toBe(false);
    harness.advance(60_000);
    expect(harness.joined(rejoin)).toMatchObject({ generationId: 2, errorCode: 0 });
  });

  test("an administrator removes members by instance id alone", () => {
    const { harness, one } = staticPair();
    expect(harness.leave({ memberId: "", instance: "two" }, { memberId: "", instance: "three" })).toEqual([0, 25]);
    expect(harness.heartbeat(one, 1, "one")).toBe(27);
  });

  test("an instance nobody has is unknown", () => {
    const { harness, one } = staticPair();
    expect(harness.heartbeat(one, 1, "three")).toBe(25);
  });
});

describe("DescribeGroups", () => {
  test("shows metadata and assignments of a stable group", () => {
    const { harness, ids } = stable();
    expect(harness.describe()).toMatchObject({
      errorCode: 0,
      groupState: "Stable",
      protocolType: "consumer",
      protocolData: "range",
    });
    expect(harness.describe().members[1]).toEqual({
      memberId: ids[1],
      groupInstanceId: null,
      clientId: "client",
      clientHost: "/127.0.0.1",
      memberMetadata: subscription("a"),
      memberAssignment: text("part 1"),
    });
  });

  test.each(["PreparingRebalance", "CompletingRebalance"] as const)("shows neither in %s", (state) => {
    const answer = states[state]().harness.describe();
    expect(answer).toMatchObject({ groupState: state, protocolData: "" });
    for (const member of answer.members) expect(member).toMatchObject({ memberMetadata: text(""), memberAssignment: text("") });
  });

  test("of a group that is not there is Dead, with 69 for those who understand it", () => {
    expect(new Harness().describe()).toMatchObject({ errorCode: 69, groupState: "Dead", protocolType: "", members: [] });
  });
});

describe("ListGroups and DeleteGroups", () => {
  test.each(Object.entries(states))("in %s", (state, make) => {
    const { harness } = make();
    expect(harness.ask({ kind: "list-group" })).toEqual({ protocolType: "consumer", groupState: state, groupType: "classic" });
    const { errorCode } = harness.ask<{ errorCode: number }>({ kind: "delete-group" });
    expect(errorCode).toBe(state === "Empty" ? 0 : 68);
    expect(harness.describe().groupState).toBe(state === "Empty" ? "Dead" : state);
  });

  test("of a group that is not there", () => {
    const harness = new Harness();
    expect(harness.ask({ kind: "list-group" })).toBeUndefined();
    expect(harness.ask({ kind: "delete-group" })).toEqual({ errorCode: 69 });
  });

  test("a deleted group leaves no rows and begins anew", () => {
    const { harness } = empty();
    harness.commit({ 0: 5 });
    harness.ask({ kind: "delete-group" });
    expect(harness.rows.slots.size).toBe(0);
    harness.restart();
    expect(harness.committed(0)).toBe(-1);
    expect(harness.stable(1).generationId).toBe(1);
  });
});
