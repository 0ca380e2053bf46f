/** Offsets that come with transactions: pending until the end, fenced as Kafka fences them, and never left behind. */
import { describe, expect, test } from "vitest";
import type { OffsetCommitAnswer, OffsetFetchAnswer } from "../../../core/group/requests.ts";
import { Harness, topicA } from "./harness.ts";

const day = 86_400_000;
const unknownMember = 25;
const illegalGeneration = 22;
const metadataTooLarge = 12;
const invalidProducerEpoch = 47;
const invalidTxnState = 48;
const unstable = 88;

interface Sender {
  readonly producerId?: number;
  readonly producerEpoch?: number;
  readonly generation?: number;
  readonly generationId?: number;
  readonly memberId?: string;
  readonly instance?: string;
  readonly metadata?: string;
}

class Group extends Harness {
  send1(offset: number, sender: Sender = {}, partition = 0): number {
    const { producerId = 7, producerEpoch = 0, generation = 1, generationId = -1, memberId = "", instance } = sender;
    const partitions = [{ partition, offset, leaderEpoch: -1, metadata: sender.metadata ?? null }];
    const member = { generationId, memberId, groupInstanceId: instance ?? null };
    const request = {
      producerId,
      producerEpoch,
      transactionGeneration: generation,
      ...member,
      topics: [{ ...topicA, partitions }],
    };
    return this.ask<OffsetCommitAnswer>({ kind: "transactional-offset-commit", request }).partitionErrors[0]![0]!;
  }

  end(commit: boolean, generation = 1, producerId = 7): void {
    this.ask({ kind: "transaction-ended", end: { producerId, producerEpoch: 1, generation, commit } });
  }

  stable1(partition = 0): { readonly offset: number; readonly errorCode: number } {
    const request = { memberId: null, memberEpoch: -1, requireStable: true, topics: [{ ...topicA, partitions: [partition] }] };
    const { offset, errorCode } = this.ask<OffsetFetchAnswer>({ kind: "offset-fetch", request }).topics[0]!.partitions[0]!;
    return { offset, errorCode };
  }
}

describe("until the transaction ends", () => {
  test("nobody sees its offsets, and who wants stable ones hears 88 for those partitions, after a restart too", () => {
    const group = new Group();
    group.commit({ 0: 3, 1: 4 });
    expect(group.send1(10)).toBe(0);
    for (const restarts of [false, true]) {
      if (restarts) group.restart();
      expect(group.committed(0)).toBe(3);
      expect(group.stable1(0)).toEqual({ offset: -1, errorCode: unstable });
      expect(group.stable1(1)).toEqual({ offset: 4, errorCode: 0 });
    }
  });

  test.each([
    [true, 10],
    [false, 3],
  ])("then commit %s leaves %i, after a restart too", (commit, offset) => {
    const group = new Group();
    group.commit({ 0: 3 });
    group.send1(9);
    group.send1(10);
    group.end(commit);
    expect(group.stable1()).toEqual({ offset, errorCode: 0 });
    group.restart();
    expect(group.stable1()).toEqual({ offset, errorCode: 0 });
  });

  test.each([true, false])("and those of a topic that was deleted come to nothing, committed ones before or not: %s", (before) => {
    const group = new Group();
    if (before) group.commit({ 0: 3 });
    group.send1(10);
    group.send1(20, {}, 1);
    group.send1(30, { producerId: 8 }, 2);
    expect(group.group.offsetTopics()).toEqual([topicA.topicId]);
    group.ask({ kind: "forget-topics", topicIds: ["00000000-0000-4000-8000-0000000000ff"] });
    expect(group.stable1()).toEqual({ offset: -1, errorCode: unstable });
    group.ask({ kind: "forget-topics", topicIds: [topicA.topicId] });
    for (const restarts of [false, true]) {
      if (restarts) group.restart();
      expect(group.group.offsetTopics()).toEqual([]);
      expect(group.stable1()).toEqual({ offset: -1, errorCode: 0 });
    }
    group.end(true);
    group.end(true, 1, 8);
    expect([0, 1, 2].map((partition) => group.committed(partition))).toEqual([-1, -1, -1]);
    group.restart();
    expect(group.group.offsetTopics()).toEqual([]);
  });

  test("two producers wait for their own ends", () => {
    const group = new Group();
    group.send1(10, { producerId: 7 }, 0);
    group.send1(20, { producerId: 8 }, 1);
    group.end(true, 1, 8);
    expect([group.stable1(0).errorCode, group.stable1(1).offset]).toEqual([unstable, 20]);
  });

  test("an end that is told again changes nothing and writes nothing", () => {
    const group = new Group();
    group.send1(10);
    group.end(true);
    group.commit({ 0: 11 });
    const { written } = group.rows;
    group.end(true);
    expect(group.committed(0)).toBe(11);
    expect(group.rows.written).toBe(written);
  });

  test("what was committed since the offsets came counts", () => {
    const group = new Group();
    group.send1(10);
    group.now += 1;
    group.commit({ 0: 11 });
    group.end(true);
    expect(group.committed(0)).toBe(11);
  });

  test("the ring coming round loses nothing", () => {
    const group = new Group();
    group.send1(10, {}, 1);
    for (let round = 0; round < 600; round++) group.commit({ 0: round });
    group.restart();
    expect(group.stable1(1).errorCode).toBe(unstable);
    group.end(true);
    for (let round = 0; round < 600; round++) group.commit({ 0: round });
    group.restart();
    expect(group.stable1(1)).toEqual({ offset: 10, errorCode: 0 });
    expect(group.send1(12, {}, 1)).toBe(invalidTxnState);
  });
});

describe("who may send offsets with a transaction", () => {
  test("anybody who says nothing of the group, members or not", () => {
    const group = new Group();
    expect(group.send1(1)).toBe(0);
    const { ids } = group.stable(1);
    expect(ids).toHaveLength(1);
    expect(group.send1(2)).toBe(0);
  });

  test.each([
    [{ generationId: 1 }, 0],
    [{ generationId: 0 }, illegalGeneration],
    [{ generationId: 2 }, illegalGeneration],
    [{ generationId: 1, memberId: "stranger" }, unknownMember],
  ])("of a classic group's members %o: %i", (sender, errorCode) => {
    const group = new Group();
    const { ids } = group.stable(1);
    expect(group.send1(1, { memberId: ids[0]!, ...sender })).toBe(errorCode);
  });

  test("a generation of a group that does not exist: 22", () => {
    expect(new Group().send1(1, { generationId: 3, memberId: "m" })).toBe(illegalGeneration);
  });

  test("a member may send between join and sync, when others may not commit", () => {
    const group = new Group();
    const join = group.join({ version: 3 });
    group.advance(3000);
    const { memberId } = group.joined(join);
    expect(group.send1(1, { memberId, generationId: 1 })).toBe(0);
  });

  test("metadata that is too long: 12", () => {
    expect(new Group().send1(1, { metadata: "x".repeat(4097) })).toBe(metadataTooLarge);
  });

  test("nobody of an older epoch, of an earlier transaction, or of one that has ended", () => {
    const group = new Group();
    expect(group.send1(1, { producerEpoch: 2, generation: 5 })).toBe(0);
    expect(group.send1(1, { producerEpoch: 1, generation: 5 })).toBe(invalidProducerEpoch);
    expect(group.send1(1, { producerEpoch: 2, generation: 4 })).toBe(invalidTxnState);
    group.end(false, 5);
    expect(group.send1(1, { producerEpoch: 2, generation: 5 })).toBe(invalidTxnState);
    expect(group.send1(1, { producerEpoch: 2, generation: 6 })).toBe(0);
  });
});

describe("nothing is left behind", () => {
  test("by an end that comes before its offsets, though the group does not exist", () => {
    const group = new Group();
    group.end(true);
    expect(group.ask({ kind: "list-group" })).toBeUndefined();
    group.restart();
    expect(group.send1(1)).toBe(invalidTxnState);
    expect(group.ask({ kind: "list-group" })).toBeUndefined();
  });

  test("and what was remembered for that is forgotten after a day, rows and all", () => {
    const group = new Group();
    group.end(true);
    const alarmAt = group.group.wantsAlarm(undefined, group.now);
    expect(alarmAt).toBe(group.now + day);
    group.now = alarmAt!;
    group.alarm();
    expect(group.rows.slots.size).toBe(0);
    expect(group.group.wantsAlarm(undefined, group.now)).toBeUndefined();
  });

  test("by the deletion of a group with open offsets; what the transaction sends afterwards counts, after a restart too", () => {
    const group = new Group();
    group.send1(1, { generation: 3 }, 0);
    group.end(false, 1, 8);
    expect(group.ask({ kind: "delete-group" })).toEqual({ errorCode: 0 });
    group.restart();
    expect(group.stable1()).toEqual({ offset: -1, errorCode: 0 });
    expect(group.send1(1, { producerId: 8 })).toBe(invalidTxnState);
    expect(group.send1(2, { generation: 3 }, 1)).toBe(0);
    group.restart();
    group.end(true, 3);
    expect([group.committed(0), group.committed(1)]).toEqual([-1, 2]);
  });

  test.each([false, true])("by the deletion of offsets, committed or not (restart %s)", (restarts) => {
    const group = new Group();
    group.commit({ 0: 7 });
    group.send1(1, {}, 0);
    group.send1(2, {}, 1);
    group.send1(3, {}, 2);
    const request = { topics: [{ ...topicA, partitions: [0, 1] }] };
    group.ask({ kind: "offset-delete", request });
    if (restarts) group.restart();
    expect([group.stable1(0), group.stable1(1)]).toEqual([
      { offset: -1, errorCode: 0 },
      { offset: -1, errorCode: 0 },
    ]);
    expect(group.stable1(2).errorCode).toBe(unstable);
    group.end(true);
    if (restarts) group.restart();
    expect([group.committed(0), group.committed(1), group.committed(2)]).toEqual([-1, -1, 3]);
  });

  test("an offset that was committed long ago is kept while a transaction has a newer one, after a restart too", () => {
    const group = new Group();
    group.commit({ 0: 7 });
    group.now += group.options.offsetsRetentionMs;
    group.send1(9);
    group.alarm();
    group.restart();
    expect(group.committed(0)).toBe(7);
    group.end(true);
    expect(group.committed(0)).toBe(9);
  });

  test("by an aborted transaction that made the group", () => {
    const group = new Group();
    group.send1(1);
    expect(group.ask({ kind: "list-group" })).toBeDefined();
    group.end(false);
    expect(group.ask({ kind: "list-group" })).toBeUndefined();
    group.restart();
    expect(group.send1(1)).toBe(invalidTxnState);
  });

  test("a group with nothing but open offsets is not forgotten", () => {
    const group = new Group();
    group.send1(1);
    group.now += day;
    group.alarm();
    expect(group.stable1().errorCode).toBe(unstable);
  });
});
