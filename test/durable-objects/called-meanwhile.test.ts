/** The calls that keep the platform from ending long work: there while it lasts, and gone with it. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { calledMeanwhile } from "../../durable-objects/called-meanwhile.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Of active computing the platform grants so much from one call to the next. */
const cpuMsMax = 30_000;

test.each([
  ["is done", false],
  ["fails", true],
])(
  "[D11] what computes for minutes is called often enough, whatever becomes of the calls, and not once it %s",
  async (_end, fails) => {
    const work = Promise.withResolvers<string>();
    const calls: number[] = [];
    const answer = calledMeanwhile(work.promise, async () => {
      calls.push(Date.now());
      throw new Error("reset");
    }).catch((error: unknown) => error);
    const beganMs = Date.now();
    await vi.advanceTimersByTimeAsync(600_000);
    const times = [beganMs, ...calls, Date.now()];
    expect(Math.max(...times.slice(1).map((time, index) => time - times[index]!))).toBeLessThan(cpuMsMax / 2);
    const count = calls.length;
    if (fails) work.reject(new Error("broken"));
    else work.resolve("merged");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(String(await answer)).toBe(fails ? "Error: broken" : "merged");
    expect(calls).toHaveLength(count);
    expect(vi.getTimerCount()).toBe(0);
  },
);

test("a short one costs no call", async () => {
  const call = vi.fn(async () => {});
  expect(await calledMeanwhile(Promise.resolve("merged"), call)).toBe("merged");
  expect(call).not.toHaveBeenCalled();
  expect(vi.getTimerCount()).toBe(0);
});
