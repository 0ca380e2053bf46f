/** Readers that lag and readers at the tail beside each other: what one kind does the other does not feel. */
import { describe, expect, it } from "vitest";
import { BlockCache } from "../../../core/broker/block-cache.ts";
import { MemoryBudget } from "../../../core/broker/memory-budget.ts";
import { Driver, itemOf, readOf, tagsOf } from "./driver.ts";

const limit = 2_000_000;
const bytes = 100_000;

/** A writer whose objects hold `count` batches of partition 0, and a broker that has seen none of them. */
function withHistory(count: number): Driver {
  const writer = Driver.started();
  for (let tag = 0; tag < count; tag += 1) {
    writer.append([itemOf(tag, {}, { bytes })]);
    writer.run();
    writer.pass(1000);
  }
  const driver = new Driver({ "broker.memory.bytes": limit }, 1, writer);
  driver.skipEpochs(10);
  return driver;
}

/** Appends at the tail of partition 1 and reads along; answers how many GETs the reading took. */
function followed(driver: Driver, offset: number): number {
  const id = driver.fetch(readOf(offset, { partition: 1 }));
  driver.run();
  driver.append([itemOf(1000 + offset, { partition: 1 }, { bytes })]);
  let gets = 0;
  for (let step = 0; step < 10 && !driver.read.has(id); step += 1) {
    driver.pass(20);
    gets += driver.of("get").length;
    driver.run();
  }
  expect(tagsOf(driver.read.get(id)![0]!.records)).toEqual([1000 + offset]);
  driver.handle({ kind: "read-released", id });
  driver.pass(1000);
  return gets;
}

describe("[I8] a backfill of many times the cache", () => {
  it("evicts nothing that was written lately: readers at the tail go on without a GET", () => {
    const driver = withHistory(60);
    for (let offset = 0; offset < 8; offset += 1) expect(followed(driver, offset)).toBe(0);
    for (let offset = 0; offset < 60; offset += 1) {
      const id = driver.fetch(readOf(offset, { maxBytes: bytes }));
      driver.run();
      expect(tagsOf(driver.read.get(id)![0]!.records)).toEqual([offset]);
      driver.handle({ kind: "read-released", id });
    }
    // A reader at the tail that is a little behind: all eight batches are still here.
    const id = driver.fetch(readOf(0, { partition: 1 }));
    expect(driver.of("get")).toEqual([]);
    expect(tagsOf(driver.read.get(id)![0]!.records)).toEqual([1000, 1001]);
    expect(followed(driver, 8)).toBe(0);
  });

  it("holds half of the memory at most, though nobody takes its answers, and a GET for the tail goes all the same", () => {
    const driver = withHistory(40);
    const follower = driver.fetch(readOf(0, { partition: 1 }));
    driver.run();
    for (let reader = 0; reader < 10; reader += 1) driver.fetch(readOf(reader * 4, { maxBytes: 4 * bytes, maxWaitMs: 0 }));
    for (let round = 0; round < 50; round += 1) {
      driver.pass(1);
      driver.run();
      const { pinnedBytes, getBytes } = driver.machine.levels;
      expect(pinnedBytes + getBytes).toBeLessThanOrEqual(limit / 2);
    }
    const other = new Driver({}, 0, driver);
    other.skipEpochs(20);
    other.append([itemOf(7, { partition: 1 }, { bytes })]);
    other.run();
    driver.run();
    expect(driver.machine.levels.pinnedBytes).toBeGreaterThan(limit / 4);
    expect(tagsOf(driver.read.get(follower)![0]!.records)).toEqual([7]);
  });
});

describe("[I8] a backfill beside the tail", () => {
  /** Two GETs are needed: answers how many of them went at once. */
  function begin(driver: Driver, offset: number): { readonly id: number; readonly gets: number } {
    const id = driver.fetch(readOf(offset, { maxBytes: 2 * bytes }));
    driver.answer(driver.one("find"));
    return { id, gets: driver.of("get").length };
  }

  function backfill(driver: Driver, offset: number): number {
    const { id, gets } = begin(driver, offset);
    driver.run();
    driver.pass(1);
    driver.run();
    expect(driver.read.has(id)).toBe(true);
    driver.pass(1);
    return gets;
  }

  function waitAtTail(driver: Driver, maxWaitMs: number): void {
    driver.fetch(readOf(0, { partition: 1, maxWaitMs }));
    driver.run();
  }

  it("has two GETs under way, and one while somebody waits there", () => {
    const driver = withHistory(12);
    expect(backfill(driver, 0)).toBe(2);
    waitAtTail(driver, 10_000);
    expect(backfill(driver, 6)).toBe(1);
    driver.pass(20_000);
    driver.run();
    driver.pass(50);
    expect(backfill(driver, 9)).toBe(2);
  });

  it("takes whoever has just got what it waited for to wait again", () => {
    const driver = withHistory(12);
    waitAtTail(driver, 100);
    driver.pass(100);
    driver.run();
    expect(backfill(driver, 0)).toBe(1);
    driver.pass(50);
    expect(backfill(driver, 6)).toBe(2);
  });

  it("rests between two GETs while somebody waits there, and not otherwise", () => {
    const driver = withHistory(12);
    waitAtTail(driver, 10_000);
    begin(driver, 0);
    driver.answer(driver.one("get"));
    expect(driver.of("get")).toHaveLength(0);
    driver.pass(1);
    expect(driver.of("get")).toHaveLength(1);
    driver.run();
    driver.pass(20_000);
    driver.run();
    driver.pass(50);
    const id = driver.fetch(readOf(6, { maxBytes: 3 * bytes }));
    driver.answer(driver.one("find"));
    driver.answer(driver.of("get")[0]!);
    expect(driver.of("get")).toHaveLength(2);
    driver.run();
    expect(driver.read.has(id)).toBe(true);
  });
});

describe("the cache's parts", () => {
  function filled(): { readonly cache: BlockCache; readonly has: (key: string) => boolean } {
    const cache = new BlockCache(new MemoryBudget(1000));
    for (let index = 0; index < 8; index += 1) cache.insert(`tail-${index}`, 0, new Uint8Array(100), true, "tail");
    return { cache, has: (key) => cache.has(key, 0, 100) };
  }

  it("catching up takes what is free, and gives it back down to a quarter when the tail needs it", () => {
    const { cache, has } = filled();
    const free = new BlockCache(new MemoryBudget(1000));
    for (let index = 0; index < 20; index += 1) {
      cache.insert(`cold-${index}`, 0, new Uint8Array(100), false, "catchUp");
      cache.shrinkTo(1000, 1000);
      free.insert(`cold-${index}`, 0, new Uint8Array(100), false, "catchUp");
      free.shrinkTo(1000, 1000);
    }
    expect(free.byteLength).toBe(1000);
    expect([0, 1, 7].map((index) => has(`tail-${index}`))).toEqual([true, true, true]);
    for (let index = 8; index < 20; index += 1) {
      cache.insert(`tail-${index}`, 0, new Uint8Array(100), true, "tail");
      cache.shrinkTo(1000, 1000);
    }
    expect([18, 19].map((index) => has(`cold-${index}`))).toEqual([true, true]);
    expect([11, 12, 19].map((index) => has(`tail-${index}`))).toEqual([false, true, true]);
  });

  it("what is read at the tail belongs to the tail from then on, also while it is pinned", () => {
    const budget = new MemoryBudget(1000);
    const cache = new BlockCache(budget);
    const block = cache.insert("cold", 0, new Uint8Array(100), false, "catchUp");
    cache.pin(block);
    expect(budget.laggingBytes).toBe(100);
    cache.find("cold", 0, 100, "tail");
    expect(budget.laggingBytes).toBe(0);
    cache.unpin(block);
    expect(budget).toMatchObject({ laggingBytes: 0, pinnedBytes: 0 });
    for (let index = 0; index < 20; index += 1) {
      cache.insert(`cold-${index}`, 0, new Uint8Array(100), false, "catchUp");
      cache.shrinkTo(1000, 1000);
    }
    expect(cache.has("cold", 0, 100)).toBe(true);
  });
});
