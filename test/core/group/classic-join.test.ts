/** Joining a group of the classic protocol: who may, under which name, and when a rebalance begins and ends. */
import { describe, expect, test } from "vitest";
import { completing, empty, preparing, stable } from "./classic-states.ts";
import { Harness, subscription, type JoinOptions } from "./harness.ts";

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
