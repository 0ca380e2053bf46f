/** From counts to dollars: by the price list, over the time in which they were counted. */
import { describe, expect, test } from "vitest";
import { Awake } from "../../../core/cost/awake.ts";
import { billOf } from "../../../core/cost/bill.ts";
import { monthMs, prices, type Billed } from "../../../core/cost/prices.ts";

describe("a bill", () => {
  test.each<[Billed, number, number]>([
    ["class-a", 1_000_000, 4.5],
    ["class-b", 1_000_000, 0.36],
    ["requests", 1_000_000, 0.15],
    ["websocket-messages", 20_000_000, 0.15],
    ["worker-requests", 1_000_000, 0.3],
    ["gb-seconds", 1_000_000, 12.5],
    ["rows-written", 1_000_000, 1],
    ["rows-read", 1_000_000_000, 1],
  ])("%s: %i cost $%d, in a month as in any other time", (billed, count, usd) => {
    const bill = billOf([{ usage: { [billed]: count }, elapsedMs: monthMs }]);
    expect(bill.usd).toBeCloseTo(usd, 9);
    expect(bill.usdPerMonth).toBeCloseTo(usd, 9);
    expect(billOf([{ usage: { [billed]: count }, elapsedMs: monthMs / 10 }]).usdPerMonth).toBeCloseTo(usd * 10, 9);
  });

  test("what rests is paid by the month, however long it was looked at", () => {
    const bill = billOf([{ usage: { "object-gb-months": 100, "row-gb-months": 1 }, elapsedMs: 5 }]);
    expect(bill.usd).toBe(0);
    expect(bill.usdPerMonth).toBeCloseTo(1.7, 9);
  });

  test("objects count from their own starts, and a moment is taken for a minute", () => {
    const slow = { usage: { requests: 100 }, elapsedMs: 100 * 60_000 };
    const young = { usage: { requests: 1 }, elapsedMs: 10 };
    const { lines } = billOf([slow, young]);
    expect(lines.requests).toMatchObject({ count: 101, perMonth: (2 * monthMs) / 60_000 });
  });

  test("nothing counted costs nothing, and every kind has a price", () => {
    expect(billOf([])).toEqual({ lines: {}, usd: 0, usdPerMonth: 0 });
    for (const { usd, per } of Object.values(prices)) expect(usd / per).toBeGreaterThan(0);
  });
});

test("an object is awake while a call is under way, and ten seconds after the last", () => {
  const awake = new Awake();
  awake.begin(1000);
  awake.end(31_000);
  awake.begin(36_000);
  awake.begin(36_500);
  awake.end(37_000);
  expect(awake.gbSeconds(40_000)).toBeCloseTo(39 * 0.128, 9);
  awake.end(41_000);
  expect(awake.gbSeconds(3_600_000)).toBeCloseTo(50 * 0.128, 9);
});
