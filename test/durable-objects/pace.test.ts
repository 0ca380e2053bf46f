/**
 * What keeps mergers from taking the thread from those who produce: that they rest in proportion to what they worked, whatever slowed it
 * down, and yet never so long that a claim runs out.
 */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Pace } from "../../durable-objects/pace.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const mebibyte = 1024 * 1024;

/** When steps of so many mebibytes could begin, in milliseconds from now, if each took so long. */
async function beginnings(pace: Pace, steps: readonly { readonly ms: number; readonly mebibytes: number }[]): Promise<number[]> {
  const startMs = Date.now();
  const begun: number[] = [];
  for (const { ms, mebibytes } of steps) {
    const next = pace.next(mebibytes * mebibyte);
    await vi.runAllTimersAsync();
    await next;
    begun.push(Date.now() - startMs);
    await vi.advanceTimersByTimeAsync(ms);
  }
  pace.end();
  return begun;
}

test.each([
  ["a fifth of the time: four times as much rest as work", 0.2, [100, 300, 10], 8, [0, 500, 2000]],
  ["half of the time", 0.5, [100, 300, 10], 8, [0, 200, 800]],
  ["no limit, no rest", 1, [100, 300, 10], 8, [0, 100, 400]],
  ["slower than a claim allows it never gets by resting", 0.001, [100, 300, 10], 1, [0, 1000, 2000]],
  ["where the work alone is slower than that, there is no rest", 0.2, [3000, 3000], 1, [0, 3000]],
])("%s", async (_rule, share, times, mebibytes, expected) => {
  const steps = times.map((ms) => ({ ms, mebibytes }));
  expect(await beginnings(new Pace(share), steps)).toEqual(expected);
});

test("what is between two claims is no work, and counts as rest", async () => {
  const pace = new Pace(0.2);
  await beginnings(pace, [{ ms: 100, mebibytes: 8 }]);
  await vi.advanceTimersByTimeAsync(300);
  expect(await beginnings(pace, [{ ms: 100, mebibytes: 8 }])).toEqual([100]);
  await vi.advanceTimersByTimeAsync(60_000);
  // Of a long rest nothing is saved up for a burst.
  expect(
    await beginnings(
      pace,
      [10, 10].map((ms) => ({ ms, mebibytes: 8 })),
    ),
  ).toEqual([0, 50]);
});
