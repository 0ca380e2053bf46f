/**
 * Random lives of a broker: appends and reads in any order, answers in any order, lost, late or bad, epochs that end. Whatever
 * happens, the invariants hold; the seed of a failure is printed.
 */
import { assert, integer, property } from "fast-check";
import { describe, expect, it } from "vitest";
import type { BrokerEffect } from "../../../core/broker/machine.ts";
import type { AppendItem, AppendOutcome } from "../../../core/broker/interface.ts";
import { twins } from "../../../kernel/twins/twins.ts";
import { Driver, itemOf, readOf, tagsOf, topicA } from "./driver.ts";

/** mulberry32: small, and the same everywhere. */
function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const partitions = 5;
const sizes = [70, 300, 5000, 40_000, 120_000];
const limitBytes = 4_000_000;

class Life {
  readonly random: (below: number) => number;
  readonly driver: Driver;
  readonly sent = new Map<number, readonly AppendItem[]>();
  readonly requests = new Map<number, ReturnType<typeof readOf>>();
  readonly events: string[] = [];
  tag = 0;
  faults = true;

  constructor(seed: number) {
    this.random = randomOf(seed);
    this.driver = new Driver({
      "broker.memory.bytes": limitBytes,
      "wal.buffer.bytes": 500_000,
      "wal.inline.bytes": this.random(4) === 0 ? 0 : 10_000,
      "wal.inline.bytes.per.second": 100_000,
      "wal.puts.burst": 3,
    });
    this.driver.skipEpochs(1);
  }

  place(): { partition: number; cell: number } {
    const partition = this.random(partitions);
    return { partition, cell: partition % 2 };
  }

  append(): void {
    if (!this.driver.machine.acceptsRequests) return;
    const used = new Set<number>();
    const items: AppendItem[] = [];
    for (let count = 1 + this.random(3); count > 0; count -= 1) {
      const place = this.place();
      if (used.has(place.partition)) continue;
      used.add(place.partition);
      this.tag += 1;
      items.push(itemOf(this.tag, place, { bytes: sizes[this.random(sizes.length)]!, count: 1 + this.random(4) }));
    }
    this.sent.set(this.driver.append(items), items);
  }

  read(): void {
    const places = Array.from({ length: partitions }, (_, partition) => ({ topicId: topicA, partition, cell: partition % 2 }));
    const items = places
      .filter(() => this.random(2) === 0)
      .map((place) => {
        const { highWatermark } = this.driver.leader(place.cell).bounds(place.topicId, place.partition);
        return { ...place, offset: this.random(highWatermark + 1), maxBytes: 1 + this.random(300_000) };
      });
    const request = readOf(0, {
      items,
      minBytes: [0, 1, 1, 100_000][this.random(4)]!,
      maxBytes: 1 + this.random(500_000),
      maxWaitMs: this.random(600),
      readCommitted: this.random(2) === 0,
    });
    this.requests.set(this.driver.fetch(request), request);
  }

  answerOne(): void {
    const { pending } = this.driver;
    if (pending.length === 0) return;
    const effect = pending[this.random(pending.length)]!;
    if (this.faults && this.random(5) === 0) this.fail(effect);
    else this.driver.answer(effect);
  }

  /** No answer comes; what was asked may have been done. */
  fail(effect: BrokerEffect): void {
    const { driver } = this;
    const done = this.random(2) === 0;
    driver.take(effect);
    const message = "lost";
    if (effect.kind === "register") driver.handle({ kind: "register-failed", message });
    else if (effect.kind === "put") {
      if (done) driver.objects.set(effect.key, effect.bytes.slice());
      driver.handle({ kind: "put-failed", id: effect.id, message });
    } else if (effect.kind === "commit") {
      if (done) driver.leader(effect.cell).commit(effect.request);
      driver.handle({ kind: "commit-failed", id: effect.id, message });
    } else if (effect.kind === "find") driver.handle({ kind: "find-failed", id: effect.id, message });
    else if (effect.kind === "follow") driver.handle({ kind: "follow-failed", id: effect.id, message });
    else if (effect.kind === "get") driver.handle({ kind: "get-failed", id: effect.id, message });
  }

  mishap(): void {
    const { driver } = this;
    const what = this.random(40);
    if (what === 0) driver.leader(this.random(2)).fence();
    if (what === 0) driver.skipEpochs(1001);
    if (what === 1) driver.leader(this.random(2)).inlineFull = this.random(2) === 0;
    if (what === 2) this.cancel();
    if (what === 3) this.release();
  }

  cancel(): void {
    for (const id of this.requests.keys()) {
      if (this.driver.read.has(id)) continue;
      this.driver.handle({ kind: "read-cancelled", id });
      this.requests.delete(id);
      return;
    }
  }

  release(): void {
    for (const id of this.driver.read.keys()) this.driver.handle({ kind: "read-released", id });
  }

  step(): void {
    const what = this.random(10);
    if (what < 3) this.append();
    else if (what < 4) this.read();
    else if (what < 8) this.answerOne();
    else if (what < 9) this.driver.pass(this.random(50));
    else this.mishap();
    this.checkAnswers();
    this.checkBudget();
  }

  /** [I8]: one request may pass the line, and it counts twice until it is flushed; and one GET, or readers would starve. */
  checkBudget(): void {
    const { writeBytes, getBytes, pinnedBytes, cacheBytes } = this.driver.machine.levels;
    const largest = 3 * 120_000;
    expect(writeBytes).toBeLessThanOrEqual(limitBytes * 0.75 + 2 * largest);
    expect(writeBytes + getBytes + pinnedBytes).toBeLessThanOrEqual(limitBytes + 2 * largest + 500_000);
    expect(cacheBytes).toBeLessThanOrEqual(Math.max(0, limitBytes - writeBytes - getBytes - pinnedBytes));
  }

  readonly #checked = new Set<number>();

  checkAnswers(): void {
    for (const [id, outcomes] of this.driver.appended) if (!this.#checked.has(id)) this.#checkAppend(id, outcomes);
    for (const id of this.driver.read.keys()) if (!this.#checked.has(id)) this.#checkRead(id);
  }

  /** [I1]: what is acknowledged lies at the leader, and its bytes where the leader says. */
  #checkAppend(id: number, outcomes: readonly AppendOutcome[]): void {
    this.#checked.add(id);
    const items = this.sent.get(id)!;
    expect(outcomes).toHaveLength(items.length);
    for (const [at, { topicId, partition, cell, records }] of items.entries()) {
      const { errorCode, baseOffset } = outcomes[at]!;
      expect([0, 6, 7, 56]).toContain(errorCode);
      if (errorCode !== 0) continue;
      const batch = this.driver
        .leader(cell)
        .committedBatches(topicId, partition)
        .find((other) => other.baseOffset === baseOffset);
      expect(batch === undefined ? [] : tagsOf([batch.bytes()])).toEqual(tagsOf([records]));
    }
  }

  /** [I4]: every byte is committed, carries its offset, and runs on from the batch with the offset that was asked for. */
  #checkRead(id: number): void {
    this.#checked.add(id);
    const request = this.requests.get(id)!;
    const outcomes = this.driver.read.get(id)!;
    expect(outcomes).toHaveLength(request.items.length);
    let total = 0;
    let largestFirst = 0;
    for (const [at, item] of request.items.entries()) {
      const outcome = outcomes[at]!;
      if (outcome.errorCode !== 0) {
        expect([6, 56]).toContain(outcome.errorCode);
        expect(outcome.records).toEqual([]);
        continue;
      }
      const committed = this.driver.leader(item.cell).committedBatches(item.topicId, item.partition);
      let next = committed.findIndex(({ baseOffset, offsetCount }) => item.offset < baseOffset + offsetCount);
      for (const piece of outcome.records) {
        total += piece.length;
        for (const header of twins.batches(piece)) {
          const batch = committed[next]!;
          expect(header.baseOffset).toBe(batch.baseOffset);
          const body = (bytes: Uint8Array) => Buffer.from(bytes.subarray(21)).toString("base64");
          expect(body(piece.subarray(header.position, header.position + header.size)) === body(batch.bytes())).toBe(true);
          if (largestFirst === 0) largestFirst = header.size;
          next += 1;
        }
      }
      expect(outcome.bounds.highWatermark).toBeLessThanOrEqual(
        this.driver.leader(item.cell).bounds(item.topicId, item.partition).highWatermark,
      );
    }
    expect(total).toBeLessThanOrEqual(Math.max(request.maxBytes, largestFirst, 120_000));
  }

  /** Nothing fails any more: everything must come to an end. */
  finish(): void {
    this.faults = false;
    for (const leader of this.driver.leaders.values()) leader.inlineFull = false;
    for (let round = 0; round < 200; round += 1) {
      this.driver.run();
      this.driver.pass(500);
      this.release();
      this.checkAnswers();
      if (this.driver.pending.length === 0 && this.driver.machine.nextDeadline() === undefined) return;
    }
    throw new Error("it never comes to rest");
  }

  checkOrder(): void {
    const last = new Map<number, number>();
    for (const [id, items] of this.sent) {
      for (const [at, { partition }] of items.entries()) {
        const { errorCode, baseOffset } = this.driver.appended.get(id)![at]!;
        if (errorCode !== 0) continue;
        expect(baseOffset).toBeGreaterThan(last.get(partition) ?? -1);
        last.set(partition, baseOffset);
      }
    }
  }

  checkEverythingReadable(): void {
    for (let partition = 0; partition < partitions; partition += 1) {
      const cell = partition % 2;
      const { highWatermark } = this.driver.leader(cell).bounds(topicA, partition);
      const tags: number[] = [];
      for (let offset = 0; offset < highWatermark;) {
        const id = this.driver.fetch(readOf(offset, { partition, cell, maxBytes: 150_000 }));
        this.requests.set(id, readOf(offset, { partition, cell, maxBytes: 150_000 }));
        for (let round = 0; round < 10 && !this.driver.read.has(id); round += 1) {
          this.driver.run();
          this.driver.pass(100);
        }
        const { records } = this.driver.read.get(id)![0]!;
        const last = records.flatMap((piece) => twins.batches(piece)).at(-1);
        if (last === undefined) throw new Error(`nothing at ${offset} of ${highWatermark}`);
        tags.push(...tagsOf(records));
        offset = last.baseOffset + last.offsetCount;
        this.driver.handle({ kind: "read-released", id });
      }
      const committed = this.driver.leader(cell).committedBatches(topicA, partition);
      expect(tags).toEqual(committed.flatMap(({ bytes }) => tagsOf([bytes()])));
      expect(new Set(tags).size, "nothing was committed twice").toBe(tags.length);
    }
  }
}

describe("any interleaving", () => {
  it("[I1][I4][I8][D3][D4] acknowledged means durable, order holds, nothing uncommitted shows, memory is bounded, all comes to rest", () => {
    assert(
      property(integer(), integer({ min: 20, max: 600 }), (seed, steps) => {
        const life = new Life(seed);
        for (let step = 0; step < steps; step += 1) life.step();
        life.finish();
        for (const id of life.sent.keys()) expect(life.driver.appended.has(id), `append ${id}`).toBe(true);
        for (const id of life.requests.keys()) expect(life.driver.read.has(id), `read ${id}`).toBe(true);
        life.checkOrder();
        expect(life.driver.machine.levels).toMatchObject({ writeBytes: 0, getBytes: 0, pinnedBytes: 0, uploadsInFlight: 0 });
        life.checkEverythingReadable();
      }),
      { numRuns: Number(process.env["RUNS"] ?? 40) },
    );
  });
});
