/** The small rules that the machines ask: ways, PUT tokens, timers. */
import { describe, expect, it } from "vitest";
import { backoffMs, Timers } from "../../../core/broker/timers.ts";
import { settingDefaults } from "../../../core/settings.ts";
import { flushesObject, inlineBurstBytes, takesInline } from "../../../core/wal/flush-policy.ts";
import { TokenBucket } from "../../../core/wal/token-bucket.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

describe("[D4] the way of a cell's backlog", () => {
  it.each([
    ["small", { byteLength: 100, inlineTokens: MiB, inlineRefused: false }, true],
    ["just small enough", { byteLength: 64 * KiB, inlineTokens: MiB, inlineRefused: false }, true],
    ["a byte too large", { byteLength: 64 * KiB + 1, inlineTokens: MiB, inlineRefused: false }, false],
    ["the cell's rate is spent", { byteLength: 100, inlineTokens: 99, inlineRefused: false }, false],
    ["the leader holds too much", { byteLength: 100, inlineTokens: MiB, inlineRefused: true }, false],
  ])("%s", (_, backlog, inline) => {
    expect(takesInline(backlog, settingDefaults)).toBe(inline);
  });

  it("a cell may burst for a second, and always one whole flush", () => {
    expect(inlineBurstBytes(settingDefaults)).toBe(MiB);
    expect(inlineBurstBytes({ ...settingDefaults, "wal.inline.bytes.per.second": 1 })).toBe(64 * KiB);
  });
});

describe("[D4] an object is written", () => {
  const quiet = {
    putTokens: 8,
    uploadsInFlight: 0,
    objectsOpen: 0,
    sinceUploadMs: 99,
    sinceCommitMs: 99,
    roundMs: 0,
    expectedBytes: 100,
  };
  const beside = { ...quiet, uploadsInFlight: 1, objectsOpen: 1 };

  it.each([
    ["never of nothing", { ...quiet, byteLength: 0 }, false],
    ["at once with a token", { ...quiet, byteLength: 1, putTokens: 1 }, true],
    ["not with a part of a token", { ...quiet, byteLength: 1, putTokens: 0.9 }, false],
    ["without a token when the buffer is full", { ...quiet, byteLength: 8 * MiB, putTokens: 0 }, true],
    ["not while all uploads are out", { ...beside, byteLength: 80 * MiB, uploadsInFlight: 3 }, false],
    ["not right beside another when it is small", { ...beside, byteLength: 4 * MiB - 1, sinceUploadMs: 9 }, false],
    ["nor while that is stored and not committed", { ...beside, byteLength: 1, uploadsInFlight: 0, sinceUploadMs: 9 }, false],
    ["beside another after a moment", { ...beside, byteLength: 1, sinceUploadMs: 10, sinceCommitMs: 0 }, true],
    ["right beside another when it is large", { ...beside, byteLength: 4 * MiB, sinceUploadMs: 0, sinceCommitMs: 0 }, true],
    ["alone at once when it is large", { ...quiet, byteLength: MiB, sinceCommitMs: 0 }, true],
    ["not in the blink after an answer", { ...quiet, byteLength: 1, sinceCommitMs: 0 }, false],
    ["unless the answered have sent as much again", { ...quiet, byteLength: 100, sinceCommitMs: 0 }, true],
    ["nor later, with less than that", { ...quiet, byteLength: 99, sinceCommitMs: 2 }, false],
    ["nor before the last object's time has passed", { ...quiet, byteLength: 1, roundMs: 6, sinceCommitMs: 5 }, false],
    ["after that time", { ...quiet, byteLength: 1, roundMs: 6, sinceCommitMs: 6 }, true],
    ["after the spacing, however slow the store is", { ...quiet, byteLength: 1, roundMs: 150, sinceCommitMs: 10 }, true],
    ["after that blink", { ...quiet, byteLength: 1, sinceUploadMs: 0, sinceCommitMs: 2.5 }, true],
  ])("%s", (_, backlog, flushes) => {
    expect(flushesObject(backlog, settingDefaults)).toBe(flushes);
  });
});

describe("tokens", () => {
  it("come with time, up to the burst, and leave no debt", () => {
    const bucket = new TokenBucket(4, 2);
    expect(bucket.available(1000)).toBe(2);
    bucket.take(5, 1000);
    expect(bucket.available(1000)).toBe(0);
    expect(bucket.availableAt(1, 1000)).toBe(1250);
    expect(bucket.available(1250)).toBe(1);
    expect(bucket.available(99_000)).toBe(2);
    expect(bucket.available(98_000), "a clock that goes back takes nothing").toBe(2);
  });

  it("a rate of nothing still ends a wait", () => {
    const bucket = new TokenBucket(0, 1);
    bucket.take(1, 0);
    expect(bucket.availableAt(1, 0)).toBeLessThan(Number.POSITIVE_INFINITY);
  });
});

describe("timers", () => {
  it("come due in order, cancelled ones never", () => {
    const timers = new Timers<number>();
    const times = Array.from({ length: 300 }, (_, index) => (index * 7919) % 1000);
    const added = times.map((at) => timers.add(at, at));
    for (const [index, timer] of added.entries()) if (index % 3 !== 0) timers.cancel(timer);
    const due: number[] = [];
    for (let at = timers.takeDue(1000); at !== undefined; at = timers.takeDue(1000)) due.push(at);
    expect(due).toEqual(times.filter((_, index) => index % 3 === 0).sort((left, right) => left - right));
    expect(timers.next()).toBeUndefined();
  });

  it("nothing is due before its time, and cancelling twice does nothing", () => {
    const timers = new Timers<string>();
    const timer = timers.add(10, "a");
    expect(timers.takeDue(9)).toBeUndefined();
    timers.cancel(timer);
    timers.cancel(timer);
    expect(timers.next()).toBeUndefined();
  });

  it.each([
    [1, 10],
    [2, 20],
    [4, 80],
    [100, 1000],
  ])("attempt %i waits %i ms", (attempt, ms) => {
    expect(backoffMs(attempt, 10, 1000)).toBe(ms);
  });
});
