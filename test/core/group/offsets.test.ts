/** Committed offsets, rule by rule: who may commit, what is kept, for how long, and what it costs in rows. */
import { describe, expect, test } from "vitest";
import { ringSlots } from "../../../core/group/ring.ts";
import { Consumers } from "./consumers.ts";
import { Harness, subscription, text, topicA, topicB } from "./harness.ts";

const day = 86_400_000;

function gathering() {
  const harness = new Harness();
  const { ids } = harness.stable(2);
  harness.join({ memberId: ids[0]! });
  return { harness, ids };
}

describe("OffsetCommit is for", () => {
  test("anybody with generation -1 while the group has no members, also when it does not exist", () => {
    const harness = new Harness();
    expect(harness.commit({ 0: 7 })).toEqual([0]);
    expect(harness.committed(0)).toBe(7);
    expect(harness.ask({ kind: "list-group" })).toEqual({ protocolType: "", groupState: "Empty", groupType: "classic" });
  });

  test.each([
    [8, 22],
    [9, 69],
  ])("nobody with a generation when there is no group (version %i: %i)", (version, errorCode) => {
    expect(new Harness().commit({ 0: 7 }, { generationId: 3, memberId: "m", version })).toEqual([errorCode]);
  });

  test("nobody with generation -1 while there are members", () => {
    const harness = new Harness();
    harness.stable(1);
    expect(harness.commit({ 0: 7 })).toEqual([25]);
  });

  test("members of this generation only", () => {
    const harness = new Harness();
    const { ids } = harness.stable(1);
    expect(harness.commit({ 0: 7 }, { memberId: ids[0]!, generationId: 1 })).toEqual([0]);
    expect(harness.commit({ 0: 8 }, { memberId: ids[0]!, generationId: 0 })).toEqual([22]);
    expect(harness.commit({ 0: 9 }, { memberId: "stranger", generationId: 1 })).toEqual([25]);
    expect(harness.committed(0)).toBe(7);
  });

  test("members of the last generation while a rebalance gathers them", () => {
    const { harness, ids } = gathering();
    expect(harness.commit({ 0: 7 }, { memberId: ids[1]!, generationId: 1 })).toEqual([0]);
  });

  test("nobody between join and sync: 27", () => {
    const harness = new Harness();
    const join = harness.join({ version: 3 });
    harness.advance(3000);
    const { memberId } = harness.joined(join);
    expect(harness.commit({ 0: 7 }, { memberId, generationId: 1 })).toEqual([27]);
  });

  test.each([
    [-2, 0],
    [-(2 ** 52), 28],
    [2 ** 52 - 1, 0],
    [2 ** 52, 28],
    [2 ** 62, 28],
  ])("offsets that a row can hold (%d: %i), and the rows are there after a restart", (offset, errorCode) => {
    const harness = new Harness();
    harness.commit({ 1: 7 });
    expect(harness.commit({ 0: offset })).toEqual([errorCode]);
    harness.restart();
    expect([harness.committed(0), harness.committed(1)]).toEqual([errorCode === 0 ? offset : -1, 7]);
  });

  test("members, whose session it keeps alive", () => {
    const harness = new Harness();
    const { ids } = harness.stable(1);
    for (let at = 0; at < 5; at++) {
      harness.advance(9000);
      harness.commit({ 0: at }, { memberId: ids[0]!, generationId: 1 });
    }
    expect(harness.heartbeat(ids[0]!, 1)).toBe(0);
  });
});

describe("what is kept", () => {
  test("offset, leader epoch and metadata come back as they were", () => {
    const harness = new Harness();
    harness.commit({ 3: 2 ** 52 - 1 }, { metadata: "köln", leaderEpoch: 4 });
    harness.restart();
    expect(harness.fetch([{ ...topicA, partitions: [3, 4] }]).topics[0]!.partitions).toEqual([
      { partition: 3, offset: 2 ** 52 - 1, leaderEpoch: 4, metadata: "köln", errorCode: 0 },
      { partition: 4, offset: -1, leaderEpoch: -1, metadata: "", errorCode: 0 },
    ]);
  });

  test("metadata longer than offset.metadata.max.bytes is refused with 12, its neighbours are not", () => {
    const harness = new Harness();
    expect(harness.commit({ 0: 1 }, { metadata: "x".repeat(4096) })).toEqual([0]);
    expect(harness.commit({ 0: 2 }, { metadata: "x".repeat(4097) })).toEqual([12]);
    expect(harness.committed(0)).toBe(1);
  });

  test("null topics ask for everything", () => {
    const harness = new Harness();
    harness.commit({ 0: 1, 1: 2 });
    harness.commit({ 5: 9 }, { topic: topicB });
    const { topics } = harness.fetch(null);
    expect(topics.map(({ name, partitions }) => [name, partitions.map(({ offset }) => offset)])).toEqual([
      ["a", [1, 2]],
      ["b", [9]],
    ]);
  });

  test("nothing of a topic that was deleted and made anew under the same name", () => {
    const harness = new Harness();
    harness.commit({ 0: 1 });
    const reborn = { ...topicA, topicId: "00000000-0000-4000-8000-0000000000aa" };
    expect(harness.committed(0, reborn)).toBe(-1);
    harness.ask({ kind: "forget-topics", topicIds: [topicA.topicId] });
    expect(harness.fetch(null).topics).toEqual([]);
  });
});

describe("OffsetDelete", () => {
  test("no such group: 69", () => expect(new Harness().deleteOffsets(topicA, [0]).errorCode).toBe(69));

  test("refuses topics that members subscribe to with 86", () => {
    const harness = new Harness();
    const { ids } = harness.stable(1, { metadata: subscription("a") });
    harness.commit({ 0: 1 }, { memberId: ids[0]!, generationId: 1 });
    harness.commit({ 0: 2 }, { memberId: ids[0]!, generationId: 1, topic: topicB });
    expect(harness.deleteOffsets(topicA, [0])).toEqual({ errorCode: 0, partitionErrors: [[86]] });
    expect(harness.deleteOffsets(topicB, [0, 1])).toEqual({ errorCode: 0, partitionErrors: [[0, 0]] });
    expect([harness.committed(0), harness.committed(0, topicB)]).toEqual([1, -1]);
  });

  test.each([
    ["a count that lies", [0, 0, 127, 127, 127, 127]],
    ["a name that is cut", [0, 0, 0, 0, 0, 1, 0, 9, 98]],
    ["a name of null", [0, 0, 0, 0, 0, 1, 255, 255]],
    ["nothing", []],
  ])("takes metadata that it cannot read for a subscription: %s", (_, bytes) => {
    const harness = new Harness();
    harness.stable(1, { metadata: Uint8Array.from(bytes) });
    expect(harness.deleteOffsets(topicA, [0]).partitionErrors).toEqual([[86]]);
  });

  test("refuses groups of other protocols that have members with 68", () => {
    const harness = new Harness();
    harness.stable(1, { type: "connect" });
    expect(harness.deleteOffsets(topicA, [0]).errorCode).toBe(68);
  });

  test("survives a restart", () => {
    const harness = new Harness();
    harness.commit({ 0: 1, 1: 2 });
    harness.deleteOffsets(topicA, [0]);
    harness.restart();
    expect([harness.committed(0), harness.committed(1)]).toEqual([-1, 2]);
  });
});

describe("offsets expire", () => {
  test("offsets.retention.minutes after the last commit when the group never had members, and the group with them", () => {
    const harness = new Harness();
    harness.commit({ 0: 1 });
    harness.advance(6 * day);
    harness.commit({ 1: 1 });
    expect(harness.group.wantsAlarm(undefined, harness.now)).toBe(harness.now + day);
    harness.advance(day);
    harness.alarm();
    expect([harness.committed(0), harness.committed(1)]).toEqual([-1, 1]);
    harness.advance(6 * day);
    harness.alarm();
    expect(harness.group.exists).toBe(false);
    expect(harness.rows.slots.size).toBe(0);
  });

  test("as long after the last member left", () => {
    const harness = new Harness();
    const { ids } = harness.stable(1);
    harness.commit({ 0: 1 }, { memberId: ids[0]!, generationId: 1 });
    for (let at = 0; at < 10; at++) {
      harness.advance(5000);
      harness.heartbeat(ids[0]!, 1);
    }
    harness.leave({ memberId: ids[0]! });
    const left = harness.now;
    expect(harness.group.wantsAlarm(undefined, left)).toBe(left + 7 * day);
    harness.now = left + 7 * day - 1;
    harness.alarm();
    expect(harness.committed(0)).toBe(1);
    harness.now++;
    harness.alarm();
    expect(harness.group.exists).toBe(false);
  });

  test("of topics that no member subscribes to any more, though the group has members", () => {
    const harness = new Harness();
    const { ids } = harness.stable(1, { session: 1_800_000 });
    const member = { memberId: ids[0]!, generationId: 1 };
    harness.commit({ 0: 1 }, member);
    harness.commit({ 0: 1 }, { ...member, topic: topicB });
    const until = (end: number) => {
      while (harness.now < end) {
        harness.advance(900_000);
        harness.heartbeat(ids[0]!, 1);
        harness.alarm();
      }
    };
    const end = harness.now + 7 * day;
    until(end - 900_000);
    expect([harness.committed(0), harness.committed(0, topicB)]).toEqual([1, 1]);
    until(end);
    expect([harness.committed(0), harness.committed(0, topicB)]).toEqual([1, -1]);
    harness.restart();
    expect([harness.committed(0), harness.committed(0, topicB)]).toEqual([1, -1]);
  });

  test.each([
    ["while a rebalance is under way", { type: "consumer" }, true],
    ["when nobody knows what its members subscribe to", { type: "consumer", metadata: text("?") }, false],
    ["when its members are no consumers", { type: "connect" }, false],
  ])("never with members %s", (_, options, rebalances) => {
    const harness = new Harness();
    const { ids } = harness.stable(1, { session: 1_800_000, rebalance: 1_800_000, ...options });
    harness.commit({ 0: 1 }, { memberId: ids[0]!, generationId: 1, topic: topicB });
    harness.now += 8 * day;
    harness.heartbeat(ids[0]!, 1);
    if (rebalances) harness.join({ version: 3, session: 1_800_000, rebalance: 1_800_000 });
    harness.alarm();
    expect(harness.committed(0, topicB)).toBe(1);
  });

  test("of a consumer group as long after the last commit, subscribed topics excepted", () => {
    const group = new Consumers({ consumerSessionTimeoutMs: 60_000 });
    group.come("m1");
    group.commit({ 0: 1 }, { memberId: "m1", generationId: 1 });
    group.commit({ 0: 1 }, { memberId: "m1", generationId: 1, topic: topicB });
    group.now += 7 * day;
    group.beat("m1", 1);
    group.alarm();
    expect([group.committed(0), group.committed(0, topicB)]).toEqual([1, -1]);
    group.beat("m1", -1);
    group.alarm();
    expect(group.committed(0)).toBe(-1);
  });

  test("never while a member subscribes to their topic", () => {
    const harness = new Harness();
    const { ids } = harness.stable(1, { session: 1_800_000 });
    harness.commit({ 0: 1 }, { memberId: ids[0]!, generationId: 1 });
    for (let at = 0; at < 8 * 96; at++) {
      harness.advance(900_000);
      harness.heartbeat(ids[0]!, 1);
      harness.alarm();
    }
    expect(harness.committed(0)).toBe(1);
  });

  test("when their own retention has passed (versions 2 to 4)", () => {
    const harness = new Harness();
    harness.commit({ 0: 1 }, { retentionTimeMs: 1000 });
    harness.commit({ 1: 1 });
    harness.advance(1000);
    harness.alarm();
    expect([harness.committed(0), harness.committed(1)]).toEqual([-1, 1]);
  });
});

describe("rows [D6]", () => {
  test("a commit of many partitions is one row, a heartbeat none", () => {
    const harness = new Harness();
    const { ids } = harness.stable(1);
    const before = harness.rows.written;
    harness.commit(Object.fromEntries(Array.from({ length: 1000 }, (_, partition) => [partition, partition])), {
      memberId: ids[0]!,
      generationId: 1,
    });
    expect(harness.rows.written - before).toBe(1);
    harness.heartbeat(ids[0]!, 1);
    harness.fetch(null);
    harness.describe();
    expect(harness.rows.written - before).toBe(1);
  });

  test("a rebalance writes one row when members gather, one for the generation, one for its assignment", () => {
    const harness = new Harness();
    const { ids } = harness.stable(20);
    expect(harness.rows.written).toBe(2);
    const before = harness.rows.written;
    const joins = ids.map((memberId) => harness.join({ memberId }));
    ids.forEach((memberId) => harness.sync(memberId, harness.joined(joins[0]!).generationId));
    expect(harness.describe().groupState).toBe("Stable");
    expect(harness.rows.written - before).toBe(3);
  });

  test("the ring is overwritten in place and survives any number of turns", () => {
    const harness = new Harness();
    for (let offset = 0; offset < ringSlots * 3 + 17; offset++) {
      harness.commit({ [offset % 5]: offset });
      if (offset % 37 === 0) harness.restart();
    }
    harness.restart();
    const last = ringSlots * 3 + 16;
    for (let back = 0; back < 5; back++) expect(harness.committed((last - back) % 5)).toBe(last - back);
    expect(harness.rows.slots.size).toBeLessThanOrEqual(ringSlots);
    expect(harness.rows.written).toBe(ringSlots * 3 + 17);
  });

  test("a change too large for a row becomes a snapshot in pieces", () => {
    const harness = new Harness();
    const metadata = "x".repeat(4000);
    harness.commit(Object.fromEntries(Array.from({ length: 1000 }, (_, partition) => [partition, 1])), { metadata });
    expect(harness.rows.snapshot?.chunks.length).toBe(3);
    harness.restart();
    expect(harness.committed(999)).toBe(1);
  });

  test("a missing row is found out, not read over", () => {
    const harness = new Harness();
    for (let offset = 0; offset < 5; offset++) harness.commit({ 0: offset });
    harness.rows.slots.delete(3);
    expect(() => harness.restart()).toThrow("group row 3 is missing");
  });
});
