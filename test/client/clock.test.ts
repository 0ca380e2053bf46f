/** The client's time: it stands still while nothing could run, and only then. */
import { expect, test } from "vitest";
import { makeClock, sleep } from "../../client/clock.ts";
import { Sureness } from "../../client/consumer/membership.ts";
import { backoffMs } from "../../client/wire/backoff.ts";
import { VirtualTime } from "./virtual-clock.ts";

test("time in which a timer was overdue and nothing was heard does not count", () => {
  const time = new VirtualTime();
  const clock = makeClock(time);
  const fired: number[] = [];
  const start = clock.now();
  clock.after(1000, () => fired.push(clock.now() - start));
  clock.after(5000, () => fired.push(clock.now() - start));
  time.freeze(600_000);
  time.step();
  time.step();
  expect(fired[0]).toBe(1000);
  expect(fired[1]).toBeLessThanOrEqual(5000);
});

test("an event that comes before the overdue timers is not taken for ten minutes of waiting", () => {
  const time = new VirtualTime();
  const clock = makeClock(time);
  const start = clock.now();
  clock.after(1000, () => {});
  time.freeze(600_000);
  expect(clock.now() - start).toBe(1000);
  expect(clock.now() - start).toBe(1000);
});

test("idle time counts: nobody waited for anything", () => {
  const time = new VirtualTime();
  const clock = makeClock(time);
  const start = clock.now();
  time.freeze(600_000);
  expect(clock.now() - start).toBe(600_000);
  clock.after(10_000, () => {});
  time.step();
  expect(clock.now() - start).toBe(610_000);
});

test("late timers in a throttled tab that still hears its sockets do not stop the time", () => {
  const time = new VirtualTime();
  const clock = makeClock(time);
  const start = clock.now();
  clock.after(1000, () => {});
  for (let second = 0; second < 60; second++) {
    time.freeze(1000);
    clock.now();
  }
  expect(clock.now() - start).toBe(60_000);
});

test("a sleep ends with its signal, and leaves no timer behind", async () => {
  const time = new VirtualTime();
  const stop = new AbortController();
  const sleeping = sleep(makeClock(time), 1000, stop.signal);
  stop.abort(new Error("enough"));
  await expect(sleeping).rejects.toThrow("enough");
  expect(time.hasTimers).toBe(false);
});

test.for([
  [1, 0.5, 50],
  [2, 0.5, 100],
  [1, 0, 40],
  [1, 0.999_999, 60],
  [6, 0.5, 1000],
  [1000, 0.5, 1000],
])("failure %i waits %d × … = %i ms", ([failures, random, expected]) => {
  expect(backoffMs(failures!, { minMs: 50, maxMs: 1000 }, random!)).toBeCloseTo(expected!, 1);
});

test("after a freeze a member is sure of nothing until a question that was asked since has been answered", async () => {
  const time = new VirtualTime();
  const clock = makeClock(time);
  const sureness = new Sureness(clock);
  clock.after(1000, () => {});
  const askedBefore = sureness.asking();
  expect(sureness.isSure).toBe(true);
  time.freeze(60_000);
  // It came in before the freeze, and was only read after it.
  sureness.answered(askedBefore);
  expect(sureness.isSure).toBe(false);
  let isSettled = false;
  const settled = sureness.wait().then(() => (isSettled = true));
  const askedAfter = sureness.asking();
  await Promise.resolve();
  expect(isSettled).toBe(false);
  sureness.answered(askedAfter);
  await settled;
  expect(sureness.isSure).toBe(true);
});
