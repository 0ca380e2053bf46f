/** The byte budget (I8): floods, slow stores, slow readers. */
import { describe, expect, it } from "vitest";
import { MemoryBudget } from "../../../core/broker/memory-budget.ts";
import type { BrokerEffect } from "../../../core/broker/machine.ts";
import { settingDefaults } from "../../../core/settings.ts";
import { batchOf, Driver, itemOf, readOf, tagsOf } from "./driver.ts";
import { twins } from "../../../kernel/twins/twins.ts";

const MiB = 1024 * 1024;

describe("[I8] a flood of 200 MiB from ten producers at a store that takes a second", () => {
  it("never passes the budget by more than one request per connection, loses nothing, recovers", () => {
    const driver = Driver.started();
    const limit = settingDefaults["broker.memory.bytes"];
    const requestBytes = MiB;
    const producers = 10;
    const records = batchOf(1, { bytes: requestBytes });
    const batches = twins.batches(records);
    const due: { at: number; effect: BrokerEffect }[] = [];
    const known = new Set<BrokerEffect>();
    const sent: number[] = [];
    let highest = 0;
    let refused = 0;
    for (let step = 0; sent.length < 200 || driver.appended.size < sent.length + 1; step += 1) {
      if (step > 10_000) throw new Error("the flood never ends");
      // Every connection has one request in its hands when the broker stops reading.
      if (driver.machine.acceptsRequests) {
        for (let producer = 0; producer < producers && sent.length < 200; producer += 1) {
          sent.push(driver.append([{ ...itemOf(0), partition: producer, records, batches }]));
        }
      } else refused += 1;
      const { writeBytes, getBytes, pinnedBytes, cacheBytes } = driver.machine.levels;
      highest = Math.max(highest, writeBytes + getBytes + pinnedBytes + cacheBytes);
      for (const effect of driver.pending)
        if (!known.has(effect)) due.push({ at: driver.now + (effect.kind === "put" ? 1000 : 5), effect });
      for (const { effect } of due) known.add(effect);
      for (const { at, effect } of due.splice(0)) {
        if (at <= driver.now) driver.answer(effect);
        else due.push({ at, effect });
      }
      driver.pass(5);
    }
    expect(refused, "back-pressure was felt").toBeGreaterThan(0);
    expect(highest).toBeLessThanOrEqual(limit + producers * requestBytes);
    const codes = sent.map((id) => driver.appended.get(id)![0]!.errorCode);
    expect(codes.every((code) => code === 0)).toBe(true);
    expect(driver.machine.acceptsRequests).toBe(true);
    expect(driver.machine.throttleMs).toBe(0);
    expect(driver.machine.levels.writeBytes).toBe(0);
  });
});

describe("[I8] the cache", () => {
  it("gives way to everything else, the least recently used first", () => {
    const driver = Driver.started({ "broker.memory.bytes": 1_000_000 });
    for (let tag = 0; tag < 8; tag += 1) {
      driver.append([itemOf(tag, { partition: tag }, { bytes: 200_000 })]);
      driver.run();
      driver.pass(1000);
    }
    expect(driver.machine.levels.cacheBytes).toBeLessThanOrEqual(1_000_000);
    const read = (partition: number): number => {
      driver.fetch(readOf(0, { partition }));
      driver.answer(driver.one("find"));
      const gets = driver.of("get").length;
      driver.run();
      return gets;
    };
    expect(read(7)).toBe(0);
    expect(read(0)).toBe(1);
  });

  it("keeps what a response points into, until it has left", () => {
    const driver = Driver.started({ "broker.memory.bytes": 1_000_000 });
    driver.append([itemOf(1, {}, { bytes: 200_000 })]);
    driver.run();
    const id = driver.fetch(readOf(0));
    driver.run();
    expect(driver.machine.levels.pinnedBytes).toBeGreaterThanOrEqual(200_000);
    expect(tagsOf(driver.read.get(id)![0]!.records)).toEqual([1]);
    driver.handle({ kind: "read-released", id });
    expect(driver.machine.levels.pinnedBytes).toBe(0);
  });
});

describe("[I8] readers that are slower than the store", () => {
  it("go on when the reader itself held the memory that they waited for", () => {
    const writer = new Driver({ "wal.inline.bytes": 0 });
    for (let tag = 1; tag <= 10; tag += 1) {
      writer.append([itemOf(tag, {}, { bytes: tag === 10 ? 390_000 : 100 })]);
      writer.run();
      writer.pass(1000);
    }
    writer.run();
    const reader = new Driver({ "broker.memory.bytes": 300_000 }, 1, writer);
    const id = reader.fetch(readOf(8, { maxWaitMs: 0 }));
    const { id: find, requests } = reader.take(reader.one("find"));
    const reply = reader.leader(0).find(requests.map((request) => ({ ...request, maxBytes: 1e6 })));
    reader.handle({ kind: "find-reply", id: find, reply });
    // Object 10 stands before object 9 and is more than all the memory.
    expect(reader.of("get")).toMatchObject([{ length: 390_000 }]);
    reader.run();
    expect(tagsOf(reader.read.get(id)![0]!.records)).toEqual([9]);
  });

  it("wait for memory instead of passing the budget, and go on when responses have left", () => {
    const writer = Driver.started();
    for (let partition = 0; partition < 20; partition += 1) writer.append([itemOf(partition, { partition }, { bytes: 200_000 })]);
    writer.run();
    writer.pass(10_000);
    writer.run();
    const limit = 1_000_000;
    const driver = new Driver({ "broker.memory.bytes": limit }, 1, writer);
    const ids = Array.from({ length: 20 }, (_, partition) => driver.fetch(readOf(0, { partition, maxWaitMs: 100 })));
    for (let round = 0; round < 100 && driver.read.size < 20; round += 1) {
      driver.run();
      const { getBytes, pinnedBytes, cacheBytes } = driver.machine.levels;
      expect(getBytes + pinnedBytes + cacheBytes).toBeLessThanOrEqual(limit);
      for (const id of driver.read.keys()) driver.handle({ kind: "read-released", id });
      driver.pass(100);
    }
    expect(ids.map((id) => tagsOf(driver.read.get(id)![0]!.records))).toEqual(ids.map((_, partition) => [partition]));
  });
});

describe("throttle", () => {
  it.each([
    [0, true, 0],
    [74, true, 0],
    [76, false, 100],
    [150, false, 550],
    [1000, false, 1000],
  ])("%i%% of the budget written", (percent, accepts, throttleMs) => {
    const budget = new MemoryBudget(1000);
    budget.appendBytes = percent * 10;
    expect(budget).toMatchObject({ acceptsRequests: accepts, throttleMs });
  });
});
