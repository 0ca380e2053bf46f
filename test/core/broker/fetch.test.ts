/** How reads are answered: index and look-ups, long polls, limits, and what is never sent. */
import { describe, expect, it } from "vitest";
import { batchField, viewOf } from "../../../kernel/batch-layout.ts";
import { twins } from "../../../kernel/twins/twins.ts";
import { Driver, itemOf, readOf, tagsOf, topicA, topicB, withWrites } from "./driver.ts";

const large = { bytes: 100_000 };

describe("long polls", () => {
  it("[D10] a waiting read wakes on a commit of another broker at once", () => {
    const { driver, writer } = withWrites([1]);
    const id = driver.fetch(readOf(1));
    driver.run();
    expect(driver.read.has(id)).toBe(false);
    writer.append([itemOf(2)]);
    writer.run();
    driver.run();
    expect(tagsOf(driver.read.get(id)![0]!.records)).toEqual([2]);
  });

  it("wakes on this broker's own commit before the push arrives, and the push repeats nothing", () => {
    const driver = Driver.started();
    const id = driver.fetch(readOf(0));
    driver.answer(driver.one("find"));
    const follow = driver.one("follow");
    const reply = () => driver.leader(0).follow(follow.cursor)!;
    driver.append([itemOf(1)]);
    driver.answer(driver.one("commit"));
    expect(tagsOf(driver.read.get(id)![0]!.records)).toEqual([1]);
    const next = driver.fetch(readOf(1));
    const second = driver.one("follow");
    driver.take(second);
    driver.handle({ kind: "follow-reply", id: second.id, reply: reply() });
    expect(driver.read.has(next)).toBe(false);
    driver.append([itemOf(2)]);
    driver.answer(driver.one("commit"));
    expect(driver.read.get(next)![0]).toMatchObject({ bounds: { highWatermark: 2 } });
    expect(tagsOf(driver.read.get(next)![0]!.records)).toEqual([2]);
  });

  it("a follow that comes back with nothing when the time of its reads is up is not sent again before their timers come round", () => {
    const { driver } = withWrites([1]);
    driver.fetch(readOf(1));
    driver.answer(driver.one("find"));
    const { cursor } = driver.one("follow");
    const answerWithNothing = () => {
      const follow = driver.take(driver.one("follow"));
      driver.handle({ kind: "follow-reply", id: follow.id, reply: { cursor, gap: false, updates: [] } });
    };
    // The clock has moved on, but the shell was too busy with answers for its timers.
    driver.now += 600_000;
    answerWithNothing();
    expect(driver.one("follow").maxWaitMs).toBe(0);
    answerWithNothing();
    expect(driver.of("follow")).toEqual([]);
  });

  it("an own commit that is the next row of the journal moves the cursor: the next follow waits instead of repeating it", () => {
    const driver = Driver.started();
    driver.fetch(readOf(0));
    driver.run();
    driver.append([itemOf(1)]);
    driver.answer(driver.one("commit"));
    driver.fetch(readOf(1));
    expect(driver.one("follow").cursor).toBe(driver.leader(0).cursor);
  });

  it("an own commit behind another broker's does not move the cursor", () => {
    const driver = Driver.started();
    const other = new Driver({}, 1, driver);
    driver.fetch(readOf(0));
    const id = driver.fetch(readOf(0, { partition: 1 }));
    for (const find of driver.of("find")) driver.answer(find);
    other.append([itemOf(7, { partition: 1 })]);
    other.run();
    driver.append([itemOf(1)]);
    driver.answer(driver.one("commit"));
    expect(driver.read.has(id)).toBe(false);
    driver.run();
    expect(tagsOf(driver.read.get(id)![0]!.records)).toEqual([7]);
  });

  it("waits for minBytes, then for the deadline", () => {
    const { driver, writer } = withWrites([1]);
    const patient = driver.fetch(readOf(0, { minBytes: 150 }));
    const impatient = driver.fetch(readOf(0, { minBytes: 10_000, maxWaitMs: 300 }));
    driver.run();
    expect(driver.read.size).toBe(0);
    writer.append([itemOf(2)]);
    writer.run();
    driver.run();
    expect(tagsOf(driver.read.get(patient)![0]!.records)).toEqual([1, 2]);
    driver.pass(299);
    expect(driver.read.has(impatient)).toBe(false);
    driver.pass(1);
    expect(tagsOf(driver.read.get(impatient)![0]!.records)).toEqual([1, 2]);
  });

  it("is answered empty at its deadline, and [D3] nothing is left behind", () => {
    const { driver } = withWrites([1]);
    const id = driver.fetch(readOf(1, { maxWaitMs: 500 }));
    driver.run();
    driver.pass(500);
    expect(driver.read.get(id)).toMatchObject([{ errorCode: 0, records: [], bounds: { highWatermark: 1 } }]);
    expect(driver.pending).toEqual([]);
    expect(driver.machine.nextDeadline()).toBeUndefined();
  });

  it("an empty answer needs the leader's word: maxWait 0 on a stale index asks first", () => {
    const { driver, writer } = withWrites([1]);
    driver.fetch(readOf(1));
    driver.run();
    driver.pass(500);
    writer.append([itemOf(2)]);
    writer.run();
    driver.pass(60_000);
    const id = driver.fetch(readOf(1, { maxWaitMs: 0 }));
    expect(driver.read.has(id)).toBe(false);
    driver.run();
    expect(tagsOf(driver.read.get(id)![0]!.records)).toEqual([2]);
  });

  it("a cancelled read unfollows and is never answered", () => {
    const { driver } = withWrites([1]);
    const id = driver.fetch(readOf(1));
    driver.run();
    expect(driver.of("follow")).toHaveLength(1);
    driver.handle({ kind: "read-cancelled", id });
    expect(driver.pending).toEqual([]);
    driver.pass(10_000);
    expect(driver.read.size).toBe(0);
  });

  it("one follow serves all reads of a cell, and each cell has its own", () => {
    const driver = Driver.started();
    driver.fetch(readOf(0));
    driver.fetch(readOf(0, { partition: 1 }));
    driver.fetch(readOf(0, { partition: 2, cell: 1 }));
    driver.run();
    expect(driver.of("follow").map(({ cell }) => cell)).toEqual([0, 1]);
  });

  it("follows again with backoff when the leader fails", () => {
    const { driver, writer } = withWrites([1]);
    const id = driver.fetch(readOf(1));
    driver.answer(driver.one("find"));
    driver.handle({ kind: "follow-failed", id: driver.take(driver.one("follow")).id, message: "reset" });
    expect(driver.of("follow")).toEqual([]);
    writer.append([itemOf(2)]);
    writer.run();
    driver.pass(20);
    driver.run();
    expect(tagsOf(driver.read.get(id)![0]!.records)).toEqual([2]);
  });

  it("a gap makes it forget and look again", () => {
    const { driver, writer } = withWrites([1]);
    const id = driver.fetch(readOf(1));
    driver.answer(driver.one("find"));
    writer.append([itemOf(2)]);
    writer.run();
    const follow = driver.take(driver.one("follow"));
    driver.handle({ kind: "follow-reply", id: follow.id, reply: { cursor: 100, gap: true, updates: [] } });
    driver.run();
    expect(tagsOf(driver.read.get(id)![0]!.records)).toEqual([2]);
  });
});

describe("look-ups and pushes that cross", () => {
  it("a look-up that is older than the cell's cursor does not pass for the tail", () => {
    const { driver, writer } = withWrites([1]);
    const id = driver.fetch(readOf(1, { maxWaitMs: 30_000 }));
    const slow = driver.take(driver.one("find"));
    const old = driver.leader(0).find(slow.requests);
    writer.append([itemOf(2)]);
    writer.run();
    driver.fetch(readOf(0, { partition: 1, maxWaitMs: 30_000 }));
    driver.answer(driver.one("find"));
    driver.handle({ kind: "find-reply", id: slow.id, reply: old });
    driver.run();
    expect(tagsOf(driver.read.get(id)![0]!.records)).toEqual([2]);
  });

  it("a push that comes before the look-up's answer is not lost", () => {
    const { driver, writer } = withWrites([1]);
    driver.fetch(readOf(0, { partition: 1, maxWaitMs: 30_000 }));
    driver.answer(driver.one("find"));
    const id = driver.fetch(readOf(1, { maxWaitMs: 30_000 }));
    const slow = driver.take(driver.one("find"));
    const old = driver.leader(0).find(slow.requests);
    writer.append([itemOf(2)]);
    writer.run();
    driver.answer(driver.one("follow"));
    driver.handle({ kind: "find-reply", id: slow.id, reply: old });
    driver.run();
    expect(tagsOf(driver.read.get(id)![0]!.records)).toEqual([2]);
  });
});

describe("errors", () => {
  it("an offset out of range is the leader's to say, not a stale index's", () => {
    const { driver, writer } = withWrites([1]);
    driver.fetch(readOf(0));
    driver.run();
    writer.append([itemOf(2)]);
    writer.run();
    const within = driver.fetch(readOf(2, { maxWaitMs: 10 }));
    driver.run();
    driver.pass(10);
    driver.run();
    expect(driver.read.get(within)).toMatchObject([{ errorCode: 0 }]);
    const beyond = driver.fetch(readOf(3));
    driver.run();
    expect(driver.read.get(beyond)).toMatchObject([{ errorCode: 1, bounds: { highWatermark: 2 } }]);
  });

  it("an error of one partition is answered at once, with what the others have", () => {
    const { driver } = withWrites([1]);
    driver.leader(0).delete(topicB, 0);
    const place = { cell: 0, offset: 0, maxBytes: 1000 };
    const items = [
      { ...place, topicId: topicA, partition: 0 },
      { ...place, topicId: topicB, partition: 0 },
    ];
    const id = driver.fetch(readOf(0, { items, minBytes: 1e6, maxWaitMs: 30_000 }));
    driver.run();
    expect(driver.read.get(id)?.map(({ errorCode }) => errorCode)).toEqual([0, 3]);
    expect(tagsOf(driver.read.get(id)![0]!.records)).toEqual([1]);
  });

  it("a partition deleted under a waiting read", () => {
    const { driver } = withWrites([1]);
    const id = driver.fetch(readOf(1, { maxWaitMs: 30_000 }));
    driver.run();
    driver.leader(0).delete(topicA, 0);
    driver.run();
    expect(driver.read.get(id)).toMatchObject([{ errorCode: 3 }]);
  });

  it("a leader that can't be reached ends in a retriable error", () => {
    const driver = Driver.started();
    const id = driver.fetch(readOf(0));
    for (let attempt = 0; attempt < 5; attempt += 1) {
      driver.handle({ kind: "find-failed", id: driver.take(driver.one("find")).id, message: "reset" });
      driver.pass(1000);
    }
    expect(driver.read.get(id)).toMatchObject([{ errorCode: 6 }]);
    expect(driver.machine.nextDeadline()).toBeUndefined();
  });

  it.each([
    ["missing", () => undefined, 56],
    ["cut short", (bytes: Uint8Array) => bytes.slice(0, 50_000), 56],
    ["damaged", (bytes: Uint8Array) => bytes.map((byte, at) => (at === 90_000 ? byte ^ 1 : byte)), 2],
    ["not a batch", (bytes: Uint8Array) => bytes.map(() => 0xff), 2],
  ])("an object that is %s is looked for twice, then reported, never sent", (_, spoil, errorCode) => {
    const { driver } = withWrites([1], large);
    const id = driver.fetch(readOf(0));
    driver.answer(driver.one("find"));
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const get = driver.take(driver.one("get"));
      const bytes = driver.objects.get(get.key)!.slice(get.start, get.start + get.length);
      driver.handle({ kind: "get-done", id: get.id, bytes: spoil(bytes) });
      if (attempt === 0) driver.answer(driver.one("find"));
    }
    expect(driver.read.get(id)).toMatchObject([{ errorCode, records: [] }]);
    expect(driver.logs.filter(({ level }) => level === "error")).toHaveLength(2);
  });

  it.each([
    ["missing", () => undefined, 56],
    ["damaged", (bytes: Uint8Array) => bytes.map((byte, at) => (at === 90_000 ? byte ^ 1 : byte)), 2],
  ])("[I9] objects that are %s don't keep back what lies before and behind them", (_, spoil, errorCode) => {
    const { driver } = withWrites([1, 2, 3, 4, 5], large);
    const spoiled = new Set([...driver.objects.keys()].slice(2, 4));
    expect(spoiled.size).toBe(2);
    const answers = [0, 1, 2, 3, 4].map((offset) => {
      const id = driver.fetch(readOf(offset, { minBytes: 150_000, maxWaitMs: 30_000 }));
      for (let turn = 0; turn < 20 && !driver.read.has(id); turn += 1) {
        for (const get of driver.of("get").filter(({ key }) => spoiled.has(key))) {
          driver.take(get);
          const bytes = driver.objects.get(get.key)!.slice(get.start, get.start + get.length);
          driver.handle({ kind: "get-done", id: get.id, bytes: spoil(bytes) });
        }
        const [next] = [...driver.of("find"), ...driver.of("get").filter(({ key }) => !spoiled.has(key))];
        if (next !== undefined) driver.answer(next);
      }
      const outcome = driver.read.get(id)?.[0];
      return outcome?.errorCode === 0 ? tagsOf(outcome.records)[0] : outcome?.errorCode;
    });
    expect(answers).toEqual([1, 2, errorCode, errorCode, undefined]);
  });

  it("damaged bytes that several wait for are got again for each, and good ones then serve all", () => {
    const { driver } = withWrites([1], large);
    const { extents } = driver.leader(0).find([{ topicId: topicA, partition: 0, offset: 0, maxBytes: 1 }]).results[0]!;
    driver.handle({ kind: "read-extent", id: 1, extent: extents[0]! });
    const ids = [driver.fetch(readOf(0)), driver.fetch(readOf(0))];
    for (const find of driver.of("find")) driver.answer(find);
    const get = driver.take(driver.one("get"));
    driver.handle({ kind: "get-done", id: get.id, bytes: new Uint8Array(get.length) });
    driver.run();
    expect(driver.extents.get(1)).toMatchObject({ errorCode: 2, bytes: undefined });
    expect(ids.map((id) => tagsOf(driver.read.get(id)![0]!.records))).toEqual([[1], [1]]);
  });

  it("a merger that moved the bytes costs a second look, no error", () => {
    const { driver } = withWrites([1], large);
    const id = driver.fetch(readOf(0));
    driver.answer(driver.one("find"));
    const get = driver.take(driver.one("get"));
    driver.handle({ kind: "get-done", id: get.id, bytes: undefined });
    driver.run();
    expect(tagsOf(driver.read.get(id)![0]!.records)).toEqual([1]);
  });
});

describe("bytes", () => {
  it("[D8] batches carry their final offsets and epoch, whoever wrote them", () => {
    const { driver, writer } = withWrites([1, 2, 3], { count: 5 });
    for (const reader of [driver, writer]) {
      const id = reader.fetch(readOf(0));
      reader.run();
      const records = reader.read.get(id)![0]!.records;
      expect(records.flatMap((piece) => twins.batches(piece).map(({ baseOffset }) => baseOffset))).toEqual([0, 5, 10]);
    }
  });

  it("begins with the batch that holds the offset", () => {
    const { driver } = withWrites([1, 2, 3], { count: 5 });
    const id = driver.fetch(readOf(7));
    driver.run();
    expect(tagsOf(driver.read.get(id)![0]!.records)).toEqual([2, 3]);
  });

  it.each([
    ["maxBytes of the request", { maxBytes: 250 }, [1, 2]],
    ["the first batch is sent whole though it is larger", { maxBytes: 1 }, [1]],
    ["no limit", {}, [1, 2, 3, 4]],
  ])("%s", (_, options, expected) => {
    const { driver } = withWrites([1, 2, 3, 4]);
    const id = driver.fetch(readOf(0, options));
    driver.run();
    expect(tagsOf(driver.read.get(id)![0]!.records)).toEqual(expected);
  });

  it("the partition that is served first rotates, so that none starves behind maxBytes", () => {
    const writer = Driver.started();
    writer.append([0, 1, 2].map((partition) => itemOf(partition, { partition })));
    writer.run();
    const items = [0, 1, 2].map((partition) => ({ topicId: topicA, partition, cell: 0, offset: 0, maxBytes: 100 }));
    const served = Array.from({ length: 6 }, () => {
      const id = writer.fetch(readOf(0, { items, maxBytes: 100 }));
      writer.run();
      return writer.read.get(id)!.flatMap(({ records }) => tagsOf(records));
    });
    expect(served.every((tags) => tags.length === 1)).toBe(true);
    expect(new Set(served.flat()).size).toBe(3);
  });

  it("what this broker wrote is served from memory, without a GET", () => {
    const driver = Driver.started();
    driver.append([itemOf(1, {}, large), itemOf(2, { partition: 1 }, large)]);
    driver.run();
    const id = driver.fetch(readOf(0, { partition: 1 }));
    driver.answer(driver.one("find"));
    expect(driver.of("get")).toEqual([]);
    expect(tagsOf(driver.read.get(id)![0]!.records)).toEqual([2]);
  });

  it("[I8] several readers of the same bytes share one GET; neighbours in one object are got together", () => {
    const writer = Driver.started();
    writer.append([itemOf(1, {}, large), itemOf(2, { partition: 1 }, large)]);
    writer.run();
    const driver = new Driver({}, 1, writer);
    const items = [0, 1].map((partition) => ({ topicId: topicA, partition, cell: 0, offset: 0, maxBytes: 1 << 20 }));
    const ids = [driver.fetch(readOf(0, { items })), driver.fetch(readOf(0))];
    for (const find of driver.of("find")) driver.answer(find);
    expect(driver.one("get")).toMatchObject({ start: 0, length: 200_000 });
    driver.run();
    expect(ids.map((id) => driver.read.get(id)!.flatMap(({ records }) => tagsOf(records)))).toEqual([[1, 2], [1]]);
  });

  it("[I8] at most two GETs are in flight for lagging readers", () => {
    const { driver } = withWrites([1, 2, 3, 4, 5], large);
    const id = driver.fetch(readOf(0));
    driver.answer(driver.one("find"));
    for (let answered = 0; answered < 5; answered += 1) {
      expect(driver.of("get").length).toBeLessThanOrEqual(2);
      driver.answer(driver.of("get")[0]!);
    }
    expect(tagsOf(driver.read.get(id)![0]!.records)).toEqual([1, 2, 3, 4, 5]);
  });

  it("a reader in sequence finds the next bytes already there", () => {
    const { driver } = withWrites([1, 2, 3, 4, 5, 6], large);
    for (let offset = 0; offset < 3; offset += 1) {
      driver.fetch(readOf(offset, { maxBytes: 100_000 }));
      driver.run();
    }
    const id = driver.fetch(readOf(3, { maxBytes: 100_000 }));
    expect(tagsOf(driver.read.get(id)![0]!.records)).toEqual([4]);
  });

  it("one extent can be read alone, inline or not", () => {
    const { driver, writer } = withWrites([1], large);
    writer.append([itemOf(2)]);
    writer.run();
    const { extents } = writer.leader(0).find([{ topicId: topicA, partition: 0, offset: 0, maxBytes: 1e9 }]).results[0]!;
    for (const [id, extent] of extents.entries()) {
      driver.handle({ kind: "read-extent", id, extent });
      driver.run();
      expect(tagsOf([driver.extents.get(id)!.bytes!])).toEqual([id + 1]);
      expect(viewOf(driver.extents.get(id)!.bytes!).getInt32(batchField.baseOffset + 4)).toBe(extent.baseOffset);
    }
  });
});
