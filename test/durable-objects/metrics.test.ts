/** Figures of several objects, summed and written as Prometheus reads them. */
import { expect, test } from "vitest";
import { Metrics, renderMetrics, sumMetrics } from "../../durable-objects/metrics.ts";

test("counters, gauges and histograms of all objects are summed, series by series", () => {
  const one = new Metrics();
  const other = new Metrics();
  one.count('kante_requests_total{api="Fetch"}');
  one.count('kante_requests_total{api="Produce"}', 2);
  other.count('kante_requests_total{api="Produce"}', 3);
  one.adjustGauge('kante_connections{transport="tcp"}', 2);
  other.adjustGauge('kante_connections{transport="tcp"}', -1);
  one.observe("kante_commit_seconds", 4);
  other.observe("kante_commit_seconds", 100_000);
  const text = renderMetrics(sumMetrics([one.snapshot(), other.snapshot()]));
  const lines = text.split("\n");
  expect(lines.filter((line) => !line.startsWith("#") && !line.includes("_bucket"))).toEqual([
    'kante_requests_total{api="Fetch"} 1',
    'kante_requests_total{api="Produce"} 5',
    'kante_connections{transport="tcp"} 1',
    "kante_commit_seconds_sum 100.004",
    "kante_commit_seconds_count 2",
    "",
  ]);
  expect(text).toContain('kante_commit_seconds_bucket{le="0.0025"} 0\nkante_commit_seconds_bucket{le="0.005"} 1\n');
  expect(text).toContain('kante_commit_seconds_bucket{le="30"} 1\nkante_commit_seconds_bucket{le="+Inf"} 2\n');
});

test("a name is described once, before its first series", () => {
  const metrics = new Metrics();
  for (const api of ["A", "B"]) metrics.observe(`kante_request_seconds{api="${api}"}`, 1);
  const lines = renderMetrics(metrics.snapshot()).split("\n");
  expect(lines.filter((line) => line.startsWith("# TYPE"))).toEqual(["# TYPE kante_request_seconds histogram"]);
  expect(lines).toContain('kante_request_seconds_bucket{api="B",le="0.001"} 1');
  expect(lines).toContain('kante_request_seconds_count{api="B"} 1');
});

test("nothing counted gives an empty text", () => {
  expect(renderMetrics(sumMetrics([])).trim()).toBe("");
});
