/** Members that keep their name and their assignment across restarts (KIP-345). */
import { describe, expect, test } from "vitest";
import { Harness, untext } from "./harness.ts";

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
