/** Rates as Kafka measures them, by a clock that the test moves. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { WindowedRate } from "../../../core/quota/windowed-rate.ts";

const windows = { count: 11, windowMs: 1000 };

describe("a rate over eleven windows of a second", () => {
  test.each([
    ["within the quota from the first byte: ten windows count as passed", [[0, 10_000]], 0, 0],
    ["beyond it: until the average is the quota", [[0, 15_000]], 0, 5000],
    ["time that has passed counts", [[0, 15_000]], 3000, 5000],
    ["windows beyond the tenth count by their length", [[0, 15_000]], 10_500, 4500],
    ["what lies more than eleven windows back is forgotten", [[0, 15_000]], 11_000, 0],
    [
      "the oldest window that is still looked at begins the time",
      [
        [0, 6000],
        [5000, 6000],
      ],
      5000,
      2000,
    ],
    [
      "windows are forgotten one by one",
      [
        [0, 6000],
        [5000, 12_000],
      ],
      11_000,
      2000,
    ],
  ])("%s", (_title, uses, atMs, throttleMs) => {
    const rate = new WindowedRate(windows);
    for (const [nowMs, amount] of uses as [number, number][]) rate.record(amount, nowMs);
    expect(rate.throttleMs(1000, atMs)).toBe(throttleMs);
  });

  test("who keeps silent as told uses no more than the quota, the ten seconds before the first, and a twelfth", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ amount: fc.integer({ min: 1, max: 1000 }), pauseMs: fc.nat(300) }), { minLength: 1, maxLength: 300 }),
        (uses) => {
          const rate = new WindowedRate(windows);
          let nowMs = 0;
          let used = 0;
          for (const { amount, pauseMs } of uses) {
            rate.record(amount, nowMs);
            used += amount;
            nowMs += rate.throttleMs(1000, nowMs) + pauseMs;
            expect(used).toBeLessThanOrEqual((nowMs + 10_000) * (12 / 11));
          }
        },
      ),
    );
  });

  test("is over when nothing counts any more", () => {
    const rate = new WindowedRate(windows);
    rate.record(1, 500);
    expect(rate.isOver(11_499)).toBe(false);
    expect(rate.isOver(11_500)).toBe(true);
  });
});
