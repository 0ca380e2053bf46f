/** What read_committed readers get: nothing beyond the last stable offset, and the aborted transactions of exactly what is sent. */
import { describe, expect, it } from "vitest";
import { Driver, itemOf, readOf, tagsOf, topicA, withWrites } from "./driver.ts";

describe("read_committed", () => {
  it("[I4] stops below the last stable offset, and wakes when that rises", () => {
    const { driver } = withWrites([1, 2, 3]);
    driver.leader(0).raiseStable(topicA, 0, 1);
    const first = driver.fetch(readOf(0, { readCommitted: true }));
    driver.run();
    expect(tagsOf(driver.read.get(first)![0]!.records)).toEqual([1]);
    const second = driver.fetch(readOf(1, { readCommitted: true }));
    driver.run();
    expect(driver.read.has(second)).toBe(false);
    driver.leader(0).raiseStable(topicA, 0, undefined);
    driver.run();
    expect(tagsOf(driver.read.get(second)![0]!.records)).toEqual([2, 3]);
  });

  const transactional = { transactional: true };
  const marker = 0x20000000;
  const read = (driver: Driver, offset: number, more = {}): number =>
    driver.fetch(readOf(offset, { readCommitted: true, ...more }));
  const outcome = (driver: Driver, id: number) => {
    const { records, abortedTransactions } = driver.read.get(id)![0]!;
    return { tags: tagsOf(records), aborted: abortedTransactions.map(({ firstOffset }) => firstOffset) };
  };

  it("[I4] [D10] a reader at the tail waits for the marker, and then needs no look-up to hear what was aborted", () => {
    const { driver, writer } = withWrites([1]);
    const leader = writer.leader(0);
    const id = read(driver, 1);
    driver.run();
    leader.log(topicA, 0).lastStableOffset = 1;
    writer.append([itemOf(2, {}, transactional)]);
    writer.run();
    driver.run();
    expect(driver.read.has(id)).toBe(false);
    leader.mark(topicA, 0, undefined, { producerId: 7, firstOffset: 1 });
    driver.answer(driver.one("follow"));
    expect(outcome(driver, id)).toEqual({ tags: [2, marker], aborted: [1] });
    const next = read(driver, 2);
    driver.run();
    expect(outcome(driver, next)).toEqual({ tags: [marker], aborted: [1] });
    expect(driver.of("find")).toEqual([]);
  });

  it("[I4] only those are listed that overlap what is sent, by first offset", () => {
    const { driver, writer } = withWrites([1]);
    const leader = writer.leader(0);
    read(driver, 1);
    driver.run();
    leader.log(topicA, 0).lastStableOffset = 1;
    for (const tag of [2, 3, 4]) {
      writer.append([itemOf(tag, {}, transactional)]);
      writer.run();
    }
    leader.mark(topicA, 0, 1, { producerId: 8, firstOffset: 2 });
    leader.mark(topicA, 0, 1, { producerId: 9, firstOffset: 3 });
    leader.mark(topicA, 0, undefined, { producerId: 7, firstOffset: 1 });
    driver.run();
    const lists = [1, 2, 3, 5, 6].map((offset) => {
      const id = read(driver, offset, { maxBytes: 1 });
      driver.run();
      return outcome(driver, id).aborted;
    });
    expect(lists).toEqual([[1], [1, 2], [1, 2, 3], [1, 3], [1]]);
  });

  it("[I4] transactional batches before the tail are never sent without the leader's list", () => {
    const { driver, writer } = withWrites([1, 2], transactional);
    const leader = writer.leader(0);
    leader.log(topicA, 0).lastStableOffset = 0;
    const id = read(driver, 0);
    driver.run();
    expect(driver.read.has(id)).toBe(false);
    leader.mark(topicA, 0, undefined, { producerId: 7, firstOffset: 1 });
    driver.run();
    expect(outcome(driver, id)).toEqual({ tags: [1, 2, marker], aborted: [1] });
  });

  it("[I4] what becomes stable while bytes are on their way is not sent with the list of before", () => {
    const { driver, writer } = withWrites([1, 2], { ...transactional, bytes: 100_000 });
    const leader = writer.leader(0);
    leader.log(topicA, 0).lastStableOffset = 1;
    const id = read(driver, 0);
    driver.answer(driver.one("find"));
    const other = driver.fetch(readOf(2));
    leader.mark(topicA, 0, undefined, { producerId: 7, firstOffset: 1 });
    driver.answer(driver.one("follow"));
    expect(driver.read.has(other)).toBe(true);
    driver.run();
    expect(outcome(driver, id)).toEqual({ tags: [1], aborted: [] });
  });

  it("[I4] that a look-up further on has seen more become stable does not make it so in the tail", () => {
    const { driver, writer } = withWrites([1]);
    const leader = writer.leader(0);
    const waiting = read(driver, 1);
    driver.run();
    leader.log(topicA, 0).lastStableOffset = 1;
    writer.append([itemOf(2, {}, transactional)]);
    writer.run();
    driver.answer(driver.one("follow"));
    const follow = driver.take(driver.one("follow"));
    leader.mark(topicA, 0, undefined, { producerId: 7, firstOffset: 1 });
    // From below the window: the look-up ends before the marker, but knows that it is there.
    const below = read(driver, 0, { maxBytes: 1 });
    driver.run();
    expect(outcome(driver, below)).toEqual({ tags: [1], aborted: [] });
    const id = read(driver, 1);
    driver.run();
    expect([driver.read.has(waiting), driver.read.has(id)]).toEqual([false, false]);
    driver.handle({ kind: "follow-reply", id: follow.id, reply: leader.follow(follow.cursor)! });
    driver.run();
    for (const one of [waiting, id]) expect(outcome(driver, one)).toEqual({ tags: [2, marker], aborted: [1] });
  });

  it("own transactional appends don't raise the last stable offset", () => {
    const driver = Driver.started();
    const id = driver.fetch(readOf(0, { readCommitted: true }));
    driver.answer(driver.one("find"));
    driver.append([itemOf(1, {}, { transactional: true })]);
    driver.answer(driver.one("commit"));
    expect(driver.read.has(id)).toBe(false);
  });
});
