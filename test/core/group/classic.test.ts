/** The classic protocol, rule by rule: what Kafka answers in which state. */
import { describe, expect, test } from "vitest";
import { completing, empty, stable, states } from "./classic-states.ts";
import { Harness, subscription, text, untext } from "./harness.ts";

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

  test.each([
    ["PreparingRebalance", ["part 0", "part 1"]],
    ["CompletingRebalance", ["", ""]],
  ] as const)("shows no metadata in %s, and what the members were assigned last", (state, assigned) => {
    const answer = states[state]().harness.describe();
    expect(answer).toMatchObject({ groupState: state, protocolData: "" });
    for (const { memberMetadata } of answer.members) expect(memberMetadata).toHaveLength(0);
    expect(answer.members.map(({ memberAssignment }) => untext(memberAssignment))).toEqual(
      assigned.slice(0, answer.members.length),
    );
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
