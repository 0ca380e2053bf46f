/**
 * What keeps mergers from taking the thread from those who produce: that work is spread evenly, and that nothing is saved up for a burst.
 */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Pace } from "../../durable-objects/pace.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** When each of the works could begin, in milliseconds from now. */
async function beginnings(pace: Pace, works: readonly number[]): Promise<number[]> {
  const startMs = Date.now();
  const begun: number[] = [];
  const done = (async () => {
    for (const units of works) {
      await pace.wait(units);
      begun.push(Date.now() - startMs);
    }
  })();
  await vi.runAllTimersAsync();
  await done;
  return begun;
}

const mebibyte = 1024 * 1024;

test.each([
  ["work waits until what was before it is paid for", 4 * mebibyte, [2, 4, 1, 1], [0, 500, 1500, 1750]],
  ["no limit, no waiting", 0, [2, 4, 1], [0, 0, 0]],
  ["slower than a claim allows is never asked", 1, [1, 1], [0, 1000]],
])("%s", async (_rule, perSecond, works, expected) => {
  const begun = await beginnings(
    new Pace(perSecond),
    works.map((megabytes) => megabytes * mebibyte),
  );
  expect(begun.map(Math.round)).toEqual(expected);
});

test("after a rest work begins at once, and nothing was saved for it", async () => {
  const pace = new Pace(mebibyte);
  await beginnings(pace, [mebibyte]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(await beginnings(pace, [mebibyte, mebibyte])).toEqual([0, 1000]);
});
