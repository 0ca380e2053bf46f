/** How appends become durable: D4's two ways, the order of commits, what is answered when. */
import { describe, expect, it } from "vitest";
import { FailedFirsts } from "../../../core/broker/failed-firsts.ts";
import type { AppendItem } from "../../../core/broker/interface.ts";
import { Driver, type EffectOf, itemOf, topicA, topicB } from "./driver.ts";

const large = { bytes: 200_000 };

describe("ways to durability", () => {
  it("[D4] the lone small record goes out inline at once, without a PUT", () => {
    const driver = Driver.started();
    const id = driver.append([itemOf(1)]);
    const commit = driver.one("commit");
    expect(commit.request.source.kind).toBe("inline");
    driver.run();
    expect(driver.appended.get(id)).toMatchObject([{ errorCode: 0, baseOffset: 0 }]);
    expect(driver.objects.size).toBe(0);
  });

  it("[D4] a lone large append is PUT at once, no linger, and [I1] committed only after the PUT", () => {
    const driver = Driver.started();
    const id = driver.append([itemOf(1, {}, large)]);
    expect(driver.of("commit")).toEqual([]);
    const put = driver.one("put");
    expect(put.key).toBe("wal/0/1/1");
    driver.answer(put);
    expect(driver.appended.has(id)).toBe(false);
    driver.answer(driver.one("commit"));
    expect(driver.appended.get(id)).toMatchObject([{ errorCode: 0, baseOffset: 0 }]);
  });

  it("[D4] wal.inline.bytes=0 switches the inline way off", () => {
    const driver = Driver.started({ "wal.inline.bytes": 0, "wal.uploads.spacing.ms": 0 });
    driver.append([itemOf(1)]);
    expect(driver.of("commit")).toEqual([]);
    expect(driver.of("put")).toHaveLength(1);
  });

  it("[D4] inline bytes beyond a cell's rate become an object", () => {
    const driver = Driver.started({ "wal.inline.bytes.per.second": 100_000 });
    for (let tag = 0; tag < 3; tag += 1) driver.append([itemOf(tag, {}, { bytes: 40_000 })]);
    expect(driver.of("commit")).toHaveLength(2);
    expect(driver.of("put")).toHaveLength(1);
  });

  it("[D4] small arrivals group while four inline commits of their cell are unanswered", () => {
    const driver = Driver.started();
    const ids = Array.from({ length: 10 }, (_, tag) => driver.append([itemOf(tag)]));
    expect(driver.of("commit")).toHaveLength(4);
    driver.run();
    expect(driver.leader(0).commits).toBe(5);
    expect(ids.map((id) => driver.appended.get(id)?.[0]?.baseOffset)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("[D4] without PUT tokens objects wait for the next token or wal.buffer.bytes", () => {
    const driver = Driver.started({ "wal.puts.burst": 1, "wal.puts.per.second": 4, "wal.buffer.bytes": 1_000_000 });
    driver.append([itemOf(1, { partition: 1 }, large)]);
    driver.append([itemOf(2, { partition: 2 }, large)]);
    expect(driver.of("put")).toHaveLength(1);
    expect(driver.machine.nextDeadline()).toBe(driver.now + 250);
    for (let tag = 3; tag < 7; tag += 1) driver.append([itemOf(tag, { partition: tag }, large)]);
    expect(driver.of("put"), "the buffer is full").toHaveLength(2);
    driver.append([itemOf(9, { partition: 9 }, large)]);
    driver.pass(249);
    expect(driver.of("put")).toHaveLength(2);
    driver.pass(1);
    expect(driver.of("put")).toHaveLength(3);
  });

  it("[D4] a small flush beside an upload waits wal.uploads.spacing.ms for company, or until none is on its way", () => {
    const driver = Driver.started();
    driver.append([itemOf(1, { partition: 1 }, large)]);
    driver.append([itemOf(2, { partition: 2 }, large)]);
    driver.append([itemOf(3, { partition: 3 }, large)]);
    expect(driver.of("put"), "the first waits for nothing").toHaveLength(1);
    driver.pass(9);
    expect(driver.of("put")).toHaveLength(1);
    driver.pass(1);
    expect(driver.of("put"), "the others go together").toHaveLength(2);
    driver.append([itemOf(4, { partition: 4 }, large)]);
    for (const put of driver.of("put")) driver.answer(put);
    for (const commit of driver.of("commit")) driver.answer(commit);
    expect(driver.of("put"), "the answered may have more to send").toEqual([]);
    driver.pass(2);
    expect(driver.of("put")).toEqual([]);
    driver.pass(1);
    expect(driver.of("put")).toHaveLength(1);
    driver.run();
    expect([...driver.appended.values()].flat().every(({ errorCode }) => errorCode === 0)).toBe(true);
  });

  it("[D4] at most wal.uploads.max uploads are in flight", () => {
    const driver = Driver.started({ "wal.puts.burst": 100, "wal.uploads.spacing.ms": 0 });
    for (let tag = 0; tag < 8; tag += 1) driver.append([itemOf(tag, { partition: tag }, large)]);
    expect(driver.of("put")).toHaveLength(3);
    driver.run();
    expect([...driver.appended.values()].flat().every(({ errorCode }) => errorCode === 0)).toBe(true);
  });

  it("[D7] an object is sorted by cell, topic and partition; a partition's batches are one entry in order of arrival", () => {
    const driver = Driver.started({ "wal.inline.bytes": 0, "wal.puts.burst": 1, "wal.buffer.bytes": 1e9 });
    driver.append([itemOf(1, { cell: 2 }), itemOf(2, { topicId: topicB }), itemOf(3, { partition: 5 }), itemOf(4), itemOf(5)]);
    driver.append([itemOf(6)]);
    driver.pass(2000);
    driver.run();
    const entries = driver
      .leader(0)
      .lastRequest!.entries.map(({ topicId, partition, batches }) => [topicId, partition, batches.length]);
    expect(entries).toEqual([
      [topicA, 0, 3],
      [topicA, 5, 1],
      [topicB, 0, 1],
    ]);
    const batches = driver.leader(0).committedBatches(topicA, 0);
    expect(batches.map(({ bytes }) => new DataView(bytes().buffer).getInt32(61))).toEqual([4, 5, 6]);
  });
});

describe("a backlog of more than one object", () => {
  it("[D7] leaves in objects of wal.buffer.bytes at most, a cell once in each, the oldest first", () => {
    const driver = Driver.started({ "wal.buffer.bytes": 500_000, "wal.puts.burst": 1, "wal.uploads.max": 1 });
    driver.append([itemOf(0, { partition: 9 }, large)]);
    // 200 kB do not divide 500 kB: an object with room left ends with a cell that has more.
    const ids = Array.from({ length: 9 }, (_, tag) => driver.append([itemOf(tag + 1, { cell: tag % 2 }, large)]));
    const sizes: number[] = [];
    for (let put = driver.of("put")[0]; put !== undefined; put = driver.of("put")[0]) {
      sizes.push(Math.round(put.bytes.length / 200_000));
      driver.answer(put);
      for (const commit of driver.of("commit")) driver.answer(commit);
      driver.pass(1000);
    }
    expect(sizes.reduce((sum, size) => sum + size)).toBe(10);
    expect(ids.map((id) => driver.appended.get(id)![0]!.baseOffset)).toEqual([0, 0, 1, 1, 2, 2, 3, 3, 4]);
  });

  it("[D4] one record set larger than the buffer is an object of its own", () => {
    const driver = Driver.started({ "wal.buffer.bytes": 100_000 });
    const id = driver.append([itemOf(1, {}, large)]);
    driver.run();
    expect(driver.appended.get(id)).toMatchObject([{ errorCode: 0, baseOffset: 0 }]);
  });
});

describe("order", () => {
  it("[D4] later records of a partition wait behind its upload, others overtake", () => {
    const driver = Driver.started();
    const first = driver.append([itemOf(1, { partition: 1 }, large)]);
    const behind = driver.append([itemOf(2, { partition: 1 })]);
    const beside = driver.append([itemOf(3, { partition: 2 })]);
    driver.answer(driver.one("commit"));
    expect(driver.appended.has(beside)).toBe(true);
    expect(driver.of("commit"), "the small one behind the upload waits").toEqual([]);
    driver.answer(driver.one("put"));
    expect(driver.of("commit").map(({ request }) => [request.number, request.source.kind])).toEqual([
      [2, "object"],
      [3, "inline"],
    ]);
    driver.run();
    expect(driver.appended.get(first)?.[0]?.baseOffset).toBe(0);
    expect(driver.appended.get(behind)?.[0]?.baseOffset).toBe(1);
  });

  it("[D4] objects of one partition are committed in order of arrival, whichever PUT ends first", () => {
    const driver = Driver.started({ "wal.uploads.spacing.ms": 0 });
    const first = driver.append([itemOf(1, {}, large)]);
    const second = driver.append([itemOf(2, {}, large)]);
    const [firstPut, secondPut] = driver.of("put");
    driver.answer(secondPut!);
    expect(driver.of("commit")).toEqual([]);
    driver.answer(firstPut!);
    driver.run();
    expect(driver.appended.get(first)?.[0]?.baseOffset).toBe(0);
    expect(driver.appended.get(second)?.[0]?.baseOffset).toBe(1);
  });

  it("[D4] a PUT is repeated for as long as it takes, and what waits behind it keeps its place", () => {
    const driver = Driver.started({ "wal.uploads.spacing.ms": 0 });
    const first = driver.append([itemOf(1, {}, large)]);
    const second = driver.append([itemOf(2, {}, large)]);
    driver.answer(driver.of("put")[1]!);
    for (let attempt = 0; attempt < 20; attempt += 1) {
      driver.handle({ kind: "put-failed", id: driver.take(driver.one("put")).id, message: "no" });
      driver.pass(10_000);
    }
    expect([driver.appended.has(first), driver.appended.has(second)]).toEqual([false, false]);
    driver.run();
    expect(driver.appended.get(first)).toMatchObject([{ errorCode: 0, baseOffset: 0 }]);
    expect(driver.appended.get(second)).toMatchObject([{ errorCode: 0, baseOffset: 1 }]);
    expect(driver.machine.sequenceFloor, "[D12] neither sequence is in flight any more").toBe(3);
  });

  it("repeats a PUT with the same key and bytes", () => {
    const driver = Driver.started();
    const id = driver.append([itemOf(1, {}, large)]);
    const put = driver.take(driver.one("put"));
    driver.handle({ kind: "put-failed", id: put.id, message: "no" });
    driver.pass(100);
    expect(driver.one("put")).toMatchObject({ key: put.key, bytes: put.bytes });
    driver.run();
    expect(driver.appended.get(id)).toMatchObject([{ errorCode: 0 }]);
  });
});

describe("commit chain", () => {
  it("a lost reply is asked for again with the same number, and nothing is committed twice [I3]", () => {
    const driver = Driver.started();
    const id = driver.append([itemOf(1)]);
    const lost = driver.take(driver.one("commit"));
    driver.leader(0).commit(lost.request);
    driver.handle({ kind: "commit-failed", id: lost.id, message: "lost" });
    expect(driver.appended.has(id)).toBe(false);
    driver.pass(10);
    expect(driver.one("commit").request.number).toBe(lost.request.number);
    driver.run();
    expect(driver.appended.get(id)).toMatchObject([{ errorCode: 0, baseOffset: 0 }]);
    expect(driver.leader(0).committedBatches(topicA, 0)).toHaveLength(1);
  });

  it("what overtook its predecessor is sent again when that is answered", () => {
    const driver = Driver.started();
    const ids = [driver.append([itemOf(1)]), driver.append([itemOf(2)]), driver.append([itemOf(3)])];
    const [first, second, third] = driver.of("commit");
    driver.answer(third!);
    driver.answer(second!);
    expect(driver.of("commit")).toEqual([first]);
    driver.run();
    expect(ids.map((id) => driver.appended.get(id)?.[0]?.baseOffset)).toEqual([0, 1, 2]);
  });

  describe("a later commit's answer shows that an earlier one was applied: it is asked for again at once, and only once", () => {
    const lostFirst = (): { driver: Driver; id: number; lost: EffectOf<"commit">; again: EffectOf<"commit"> } => {
      const driver = Driver.started();
      const id = driver.append([itemOf(1)]);
      driver.append([itemOf(2)]);
      driver.append([itemOf(3)]);
      const [lost, second, third] = driver.of("commit");
      driver.leader(0).commit(driver.take(lost!).request);
      driver.answer(second!);
      driver.answer(third!);
      const again = driver.one("commit");
      expect(again.request).toEqual(lost!.request);
      return { driver, id, lost: lost!, again };
    };
    const committed = (driver: Driver, id: number): void => {
      expect(driver.appended.get(id)).toMatchObject([{ errorCode: 0, baseOffset: 0 }]);
      driver.pass(60_000);
      expect(driver.of("commit")).toEqual([]);
      expect(driver.leader(0).committedBatches(topicA, 0)).toHaveLength(3);
    };

    it("and the second answer is enough", () => {
      const { driver, id, lost, again } = lostFirst();
      driver.answer(again);
      committed(driver, id);
      driver.handle({ kind: "commit-failed", id: lost.id, message: "no answer in 30000 ms" });
      committed(driver, id);
    });

    it("and the first answer, when it was only late, is as good", () => {
      const { driver, id, lost, again } = lostFirst();
      const reply = driver.leader(0).commit(lost.request);
      driver.take(again);
      driver.handle({ kind: "commit-reply", id: lost.id, reply });
      committed(driver, id);
      driver.handle({ kind: "commit-failed", id: again.id, message: "no answer in 30000 ms" });
      committed(driver, id);
    });

    it("and a first attempt that fails changes nothing while the second is under way", () => {
      const { driver, id, lost, again } = lostFirst();
      driver.handle({ kind: "commit-failed", id: lost.id, message: "no answer in 30000 ms" });
      driver.pass(5000);
      expect(driver.of("commit")).toEqual([again]);
      driver.answer(again);
      committed(driver, id);
    });

    it("and when both are lost it is repeated as ever", () => {
      const { driver, id, lost, again } = lostFirst();
      for (const { id: attempt } of [lost, driver.take(again)])
        driver.handle({ kind: "commit-failed", id: attempt, message: "no answer in 30000 ms" });
      driver.pass(5000);
      driver.answer(driver.one("commit"));
      committed(driver, id);
    });
  });

  it("a refusal that arrives after the predecessor's answer ends no epoch", () => {
    const driver = Driver.started();
    driver.append([itemOf(1)]);
    const id = driver.append([itemOf(2)]);
    const [first, second] = driver.of("commit");
    const late = driver.leader(0).commit(second!.request);
    expect(late).toEqual({ kind: "ahead", expected: 1 });
    driver.answer(first!);
    driver.take(second!);
    driver.handle({ kind: "commit-reply", id: second!.id, reply: late });
    driver.run();
    expect(driver.appended.get(id)).toMatchObject([{ errorCode: 0, baseOffset: 1 }]);
  });

  it("[D4] inline-full: the same number goes as an object, its successors follow, and the cell is left alone for a while", () => {
    const driver = Driver.started({ "wal.uploads.spacing.ms": 0 });
    const ids = [driver.append([itemOf(1)]), driver.append([itemOf(2)])];
    driver.leader(0).inlineFull = true;
    const [first, second] = driver.of("commit");
    driver.answer(second!);
    driver.answer(first!);
    driver.leader(0).inlineFull = false;
    driver.answer(driver.one("put"));
    expect(driver.one("commit").request).toMatchObject({ number: 1, source: { kind: "object", sequence: 1 } });
    driver.run();
    expect(ids.map((id) => driver.appended.get(id)?.[0]?.baseOffset)).toEqual([0, 1]);
    driver.append([itemOf(3)]);
    expect(driver.of("put"), "the next one goes the object way at once").toHaveLength(1);
    driver.run();
    driver.pass(10_000);
    driver.append([itemOf(4)]);
    expect(driver.one("commit").request.source.kind).toBe("inline");
  });

  it("the leader's error for one partition is passed on, the others are committed", () => {
    const driver = Driver.started();
    driver.leader(0).delete(topicA, 1);
    const id = driver.append([itemOf(1), itemOf(2, { partition: 1 })]);
    driver.run();
    expect(driver.appended.get(id)).toMatchObject([{ errorCode: 0 }, { errorCode: 3 }]);
  });
});

describe("broker epoch", () => {
  it("[D12] nothing is committed before the epoch is known; the first append asks for it", () => {
    const driver = new Driver();
    expect(driver.pending).toEqual([]);
    const ids = [driver.append([itemOf(1)]), driver.append([itemOf(2, {}, large)])];
    expect(driver.pending.map(({ kind }) => kind)).toEqual(["register"]);
    driver.run();
    expect(ids.map((id) => driver.appended.get(id)?.[0]?.errorCode)).toEqual([0, 0]);
  });

  it("asks again when the controller doesn't answer, and fails what waits in the end", () => {
    const driver = new Driver();
    const id = driver.append([itemOf(1)]);
    for (let attempt = 0; attempt < 6; attempt += 1) {
      expect(driver.appended.has(id)).toBe(false);
      driver.take(driver.one("register"));
      driver.handle({ kind: "register-failed", message: "no" });
      driver.pass(5000);
    }
    expect(driver.appended.get(id)).toMatchObject([{ errorCode: 6 }]);
    expect(driver.machine.nextDeadline()).toBeUndefined();
    driver.append([itemOf(2)]);
    expect(driver.of("register")).toHaveLength(1);
  });

  it("[D12] fenced: all that waits fails, as unknown where a commit was out, and the next append gets a new epoch", () => {
    const driver = Driver.started();
    const sent = driver.append([itemOf(1)]);
    const beside = driver.append([itemOf(2, { cell: 1 })]);
    const uploading = driver.append([itemOf(3, { partition: 3 }, large)]);
    const [first, other] = driver.of("commit");
    driver.leader(0).fence();
    driver.answer(first!);
    const codes = [sent, beside, uploading].map((id) => driver.appended.get(id)?.[0]?.errorCode);
    expect(codes).toEqual([7, 7, 6]);
    expect(driver.of("register"), "an idle broker that is fenced stays quiet").toEqual([]);
    driver.answer(other!);
    driver.answer(driver.one("put"));
    expect(driver.pending).toEqual([]);
    driver.skipEpochs(5000);
    const again = driver.append([itemOf(4)]);
    driver.run();
    expect(driver.appended.get(again)).toMatchObject([{ errorCode: 0, baseOffset: 0 }]);
    expect(driver.machine.levels.writeBytes).toBe(0);
  });
});

/** The `sequence`th record of an idempotent producer. */
function inSequence(sequence: number, producerId = 7): AppendItem {
  const item = itemOf(sequence);
  return { ...item, batches: item.batches.map((batch) => ({ ...batch, producerId, producerEpoch: 0, baseSequence: sequence })) };
}

describe("[I7] a producer whose first batch failed as the epoch ended", () => {
  const failing = (): Driver => {
    const driver = Driver.started();
    const first = driver.append([inSequence(0)]);
    driver.leader(0).fence();
    driver.run();
    expect(driver.appended.get(first)).toMatchObject([{ errorCode: 7 }]);
    driver.skipEpochs(5000);
    return driver;
  };
  const outcomeOf = (driver: Driver, item: AppendItem): number | undefined => {
    const id = driver.append([item]);
    driver.run();
    return driver.appended.get(id)?.[0]?.errorCode;
  };

  it("is refused, retriably, what it had sent behind it, until the first comes again", () => {
    const driver = failing();
    expect(outcomeOf(driver, inSequence(1))).toBe(6);
    expect(outcomeOf(driver, inSequence(0, 8)), "another producer").toBe(0);
    expect(outcomeOf(driver, itemOf(5)), "a producer without sequences").toBe(0);
    expect(outcomeOf(driver, inSequence(0))).toBe(0);
    expect(outcomeOf(driver, inSequence(1))).toBe(0);
    expect(driver.machine.levels.writeBytes).toBe(0);
  });

  it("has its other partitions taken as ever", () => {
    const driver = failing();
    expect(outcomeOf(driver, { ...inSequence(3), partition: 1 })).toBe(0);
    const both = driver.append([{ ...inSequence(4), partition: 1 }, inSequence(2)]);
    driver.run();
    expect(driver.appended.get(both)).toMatchObject([{ errorCode: 0 }, { errorCode: 6 }]);
  });

  it("may have given it up: after two minutes anything is taken", () => {
    const driver = failing();
    driver.pass(119_999);
    expect(outcomeOf(driver, inSequence(1))).toBe(6);
    driver.pass(1);
    expect(outcomeOf(driver, inSequence(1))).toBe(0);
  });

  it("is forgotten when many others failed since: memory is bounded", () => {
    const failed = new FailedFirsts(2);
    for (const producerId of [1, 2, 3]) failed.note(inSequence(0, producerId), 0);
    expect([1, 2, 3].map((producerId) => failed.admits(inSequence(1, producerId), 1))).toEqual([true, false, false]);
  });
});

describe("rest", () => {
  it("[D3] a broker with nothing to do has no deadline and no effect out", () => {
    const driver = Driver.started();
    driver.append([itemOf(1), itemOf(2, { partition: 2 }, large)]);
    driver.run();
    expect(driver.pending).toEqual([]);
    expect(driver.machine.nextDeadline()).toBeUndefined();
    expect(driver.machine.tick(driver.now + 1e6)).toEqual([]);
    expect(driver.machine.levels.writeBytes).toBe(0);
  });

  it("answers that nobody waits for do nothing", () => {
    const driver = Driver.started();
    for (const kind of ["put-done", "read-released", "read-cancelled"] as const) driver.handle({ kind, id: 4711 });
    driver.handle({ kind: "commit-failed", id: 4711, message: "" });
    driver.handle({ kind: "registered", brokerEpoch: 4711 });
    driver.handle({ kind: "get-done", id: 4711, bytes: undefined });
    expect(driver.pending).toEqual([]);
    expect(driver.machine.brokerEpoch).toBe(1);
  });
});
