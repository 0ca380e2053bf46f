/** How figures become words: medians, verdicts, and the page that is rewritten in place. */
import { describe, expect, it } from "vitest";
import { type Row, describeBudget, verdictOf } from "../../bench/row.ts";
import { median, mediansInTurns, percentile } from "../../bench/statistics.ts";
import { formatFigure, renderText, writeFigures } from "../../bench/table.ts";

const row = (budget: Row["budget"], ratio?: number): Row => ({ name: "x", value: 10, unit: "ms", ratio, budget });

describe("a budget", () => {
  it.each([
    ["no budget, no verdict", row(undefined), ""],
    ["at most, kept", row({ of: "value", atMost: 10 }), "met"],
    ["at most, passed", row({ of: "value", atMost: 9.9 }), "missed"],
    ["at least, kept", row({ of: "ratio", atLeast: 0.6 }, 0.6), "met"],
    ["at least, short", row({ of: "ratio", atLeast: 0.6 }, 0.59), "missed"],
    ["of a ratio that is not there", row({ of: "ratio", atLeast: 0 }), "missed"],
    ["of no number", { ...row({ of: "value", atMost: 1 }), value: Number.NaN }, "missed"],
  ])("%s", (_, measured, verdict) => {
    expect(verdictOf(measured)).toBe(verdict);
  });

  it("says whether it is about the figure or the ratio", () => {
    expect(describeBudget(row({ of: "value", atMost: 5 }))).toBe("≤ 5 ms");
    expect(describeBudget(row({ of: "ratio", atLeast: 1 }, 2))).toBe("≥ 1 ×");
  });
});

it.each([
  [6210.4, "6210"],
  [63.42, "63.4"],
  [0.9131, "0.913"],
  [0, "0.00"],
  [1.5, "1.50"],
])("%d is shown as %s", (value, text) => {
  expect(formatFigure(value)).toBe(text);
});

it("medians and percentiles don't care for order", () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(percentile([5, 4, 3, 2, 1], 0.99)).toBe(5);
});

it("what is compared takes turns, and the first turn warms up", async () => {
  const order: string[] = [];
  const run = (name: string, values: number[]) => () => {
    order.push(name);
    return values.shift()!;
  };
  const medians = await mediansInTurns(3, { one: run("one", [99, 1, 3, 2]), other: run("other", [99, 10, 30, 20]) });
  expect(medians).toEqual({ one: 2, other: 20 });
  expect(order.join(" ")).toBe("one other other one one other other one");
});

describe("the page", () => {
  const section = (bench: string, value: number) => ({ bench, rows: [{ name: "rate", value, unit: "MB/s" }], notes: [] });

  it("gets new figures at its end, and then in their place; all else stays", () => {
    const first = writeFigures("# Title\n\nText.\n", [section("one", 1), section("two", 2)]);
    const page = first.replace("Text.", "Other text.") + "\nThe end.\n";
    const second = writeFigures(page, [section("one", 3)]);
    expect(second).toContain("| rate | 3.00 MB/s |");
    expect(second).not.toContain("| rate | 1.00 MB/s |");
    expect(second.replace("3.00 MB/s", "1.00 MB/s")).toBe(page);
  });

  it("in the terminal a bench without rows says why", () => {
    expect(renderText({ bench: "apache-kafka", rows: [], notes: ["skipped: no java"] })).toBe("apache-kafka\n  (skipped: no java)");
  });
});
