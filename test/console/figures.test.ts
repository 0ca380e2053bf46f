/** Numbers before they are drawn: read from metrics, turned into rates, laid to a scale, put into words. */
import { describe, expect, test } from "vitest";
import { billOf } from "../../core/cost/bill.ts";
import { Metrics, renderMetrics } from "../../durable-objects/metrics.ts";
import { bytesText, countText, dollarsText, durationText, shortCount } from "../../console/lib/format.ts";
import { History, RateHistory, historyMs, withMinutes } from "../../console/lib/history.ts";
import { piecesOf, runAt } from "../../console/lib/extents.ts";
import { lagOf, planReset } from "../../console/lib/offset-reset.ts";
import { byLabel, parseMetrics, sumOf } from "../../console/lib/prometheus.ts";
import { ticksTo, timeTicks } from "../../console/lib/scale.ts";

test("metrics are read as the server writes them", () => {
  const metrics = new Metrics();
  metrics.count("kante_received_bytes_total", 5);
  metrics.gauge('kante_stored_bytes{kind="inline"}', 7);
  metrics.gauge('kante_stored_bytes{kind="wal"}', 1.5e9);
  metrics.observe("kante_commit_seconds", 3);
  const samples = parseMetrics(renderMetrics(metrics.snapshot()));
  expect(sumOf(samples, "kante_received_bytes_total")).toBe(5);
  expect([...byLabel(samples, "kante_stored_bytes", "kind")]).toEqual([
    ["inline", 7],
    ["wal", 1.5e9],
  ]);
  expect(sumOf(samples, "kante_stored_bytes")).toBe(1.5e9 + 7);
  expect(sumOf(samples, "no_such")).toBe(0);
});

test("what is shown of a bill is there", () => {
  const bill = billOf([{ usage: { requests: 10 }, elapsedMs: 60_000 }]);
  expect(Object.values(bill.lines)[0]).toMatchObject({ what: expect.any(String), perMonth: expect.any(Number) });
  expect(bill.usdPerMonth).toBeGreaterThan(0);
});

describe("a rate", () => {
  test("is what came between two looks, by their time", () => {
    const { rates } = fed([0, 1000], [2000, 5000], [3000, 5000]);
    expect(rates.points).toEqual([
      { atMs: 2000, value: 2000 },
      { atMs: 3000, value: 0 },
    ]);
  });

  test("of a counter that began again is what it has counted since", () => {
    expect(fed([0, 1000], [1000, 300]).rates.last?.value).toBe(300);
  });

  test("takes no notice of a clock that stands still or goes back", () => {
    expect(fed([1000, 1], [1000, 5], [500, 9]).rates.points).toEqual([]);
  });
});

test("of the hour the page draws what it has seen itself, and whole minutes of before as brokers remember them", () => {
  const minute = 60_000;
  const minutes = [0, 1, 2, 3, 4].map((index) => ({ startMs: index * minute, receivedBytes: 60 * index, sentBytes: 120 * index }));
  const seen = [
    { atMs: 2.5 * minute, value: 77 },
    { atMs: 2.9 * minute, value: 78 },
  ];
  // The minute that was looked at and the one that goes on are left out.
  expect(withMinutes(seen, minutes, "receivedBytes", 4.5 * minute)).toEqual([
    { atMs: 0.5 * minute, value: 0 },
    { atMs: 1.5 * minute, value: 1 },
    ...seen,
    { atMs: 3.5 * minute, value: 3 },
  ]);
  expect(withMinutes([], minutes, "sentBytes", 5 * minute).map(({ value }) => value)).toEqual([0, 2, 4, 6, 8]);
});

function fed(...totals: readonly (readonly [atMs: number, total: number])[]): RateHistory {
  const history = new RateHistory();
  for (const [atMs, total] of totals) history.add(atMs, total);
  return history;
}

test("a history has the last hour, within a number of points", () => {
  const history = new History();
  for (let atMs = 1000; atMs <= 2 * historyMs; atMs += 1000) {
    history.add(atMs, atMs);
    expect(history.points.length).toBeLessThanOrEqual(1200);
  }
  expect(history.points[0]!.atMs).toBeLessThan(1.02 * historyMs);
  expect(history.last).toEqual({ atMs: 2 * historyMs, value: 2 * historyMs });
  history.add(4 * historyMs, 1);
  expect(history.points).toEqual([{ atMs: 4 * historyMs, value: 1 }]);
});

describe("a scale", () => {
  test.each([
    [10, 1, [0, 5, 10]],
    [47, 1, [0, 20, 40, 60]],
    [0, 1, [0]],
    [300 * 1024, 1024, [0, 102_400, 204_800, 307_200]],
    [0.4, 1, [0, 0.2, 0.4]],
  ])("to %d by %d has %j", (max, step, ticks) => {
    expect(ticksTo(max, 3, step)).toEqual(ticks);
  });

  test("covers what it is for, with few lines, whatever that is", () => {
    for (let exponent = -3; exponent < 15; exponent += 0.37) {
      for (const step of [1, 1024]) {
        const ticks = ticksTo(10 ** exponent, 3, step);
        expect(ticks.at(-1)).toBeGreaterThanOrEqual(10 ** exponent * 0.999_999);
        expect(ticks.length).toBeLessThanOrEqual(5);
      }
    }
  });

  test("of time has whole minutes, each once", () => {
    const ticks = timeTicks(61_000, 361_000, 10);
    expect(ticks).toEqual([120_000, 180_000, 240_000, 300_000, 360_000]);
  });
});

describe("in words", () => {
  test.each([
    [bytesText(0), "0 B"],
    [bytesText(1023), "1023 B"],
    [bytesText(1536), "1.50 KiB"],
    [bytesText(254 * 1024), "254 KiB"],
    [countText(1_234_567), "1,234,567"],
    [shortCount(1_234_567), "1.23 M"],
    [durationText(59_999), "59 s"],
    [durationText(3_600_000), "1 h"],
    [durationText(93_600_000), "1 d 2 h"],
    [dollarsText(0), "$0.00"],
    [dollarsText(0.000_47), "$0.0005"],
    [dollarsText(95.004), "$95.00"],
  ])("%s", (told, expected) => {
    expect(told).toBe(expected);
  });
});

describe("extents on a bar", () => {
  const bytes = (given: object) => ({ inline: 0, wal: 0, merged: 0, segment: 0, ...given });
  const runs = [
    { baseOffset: 0, nextOffset: 10, extents: 3, bytes: bytes({ merged: 300, wal: 100 }) },
    { baseOffset: 10, nextOffset: 12, extents: 1, bytes: bytes({ inline: 100 }) },
  ];

  test("have their share of its width, older ways first", () => {
    expect(piecesOf(runs, 1000, 100)).toEqual([
      { kind: "merged", x: 0, width: 30 },
      { kind: "wal", x: 30, width: 10 },
      { kind: "inline", x: 40, width: 10 },
    ]);
    expect(piecesOf([], 0, 100)).toEqual([]);
  });

  test("are found where they are drawn", () => {
    expect(runAt(runs, 1000, 0.39)?.baseOffset).toBe(0);
    expect(runAt(runs, 1000, 0.41)?.baseOffset).toBe(10);
    expect(runAt(runs, 1000, 0.6)).toBeUndefined();
  });
});

describe("a reset goes", () => {
  const partition = { topic: "t", partition: 0, committed: 50, start: 10, end: 100 };
  const uncommitted = { ...partition, partition: 1, committed: undefined };

  test.each([
    ["to the start", { kind: "earliest" }, [10, 10]],
    ["to the end", { kind: "latest" }, [100, 100]],
    ["to an offset", { kind: "offset", offset: 60 }, [60, 60]],
    ["no further back than the log", { kind: "offset", offset: 3 }, [10, 10]],
    ["no further on than the log", { kind: "shift", by: 1000 }, [100, 100]],
    ["back by some", { kind: "shift", by: -15 }, [35, 10]],
    ["to a time, and to the end where nothing is so young", { kind: "time", found: [70, -1] }, [70, 100]],
  ] as const)("%s", (_title, target, to) => {
    expect(planReset([partition, uncommitted], target).map((each) => each.to)).toEqual(to);
  });

  test("and the lag is what is left to read of what is there", () => {
    expect(lagOf(partition)).toBe(50);
    expect(lagOf(uncommitted)).toBe(90);
    expect(lagOf({ ...partition, committed: 3 })).toBe(90);
    expect(lagOf({ ...partition, committed: 120 })).toBe(0);
  });
});
