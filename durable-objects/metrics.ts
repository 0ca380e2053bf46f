/**
 * Counters, gauges and histograms of one Durable Object, and their sum over all objects as Prometheus text. A series is its name
 * with its labels as one string, so that counting costs one map lookup and snapshots travel as plain data.
 */
export interface MetricsSnapshot {
  readonly counters: Readonly<Record<string, number>>;
  readonly gauges: Readonly<Record<string, number>>;
  readonly histograms: Readonly<Record<string, HistogramSnapshot>>;
  /** Since when counters count. */
  readonly sinceMs?: number;
}

interface HistogramSnapshot {
  /** Observations per bucket, the last one beyond every bound. */
  readonly counts: readonly number[];
  readonly sum: number;
}

/** Seconds: from a cached fetch to a long poll. */
const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

const descriptions: Readonly<Record<string, string>> = {
  kante_requests_total: "Kafka requests answered, by API.",
  kante_request_seconds: "From the arrival of a Kafka request to its answer, by API.",
  kante_request_failures_total: "Requests that ended in a closed connection, by API.",
  kante_throttled_requests_total: "Requests of clients beyond their quotas, by API.",
  kante_connections: "Open client connections, by transport.",
  kante_connections_total: "Client connections opened, by transport.",
  kante_received_bytes_total: "Bytes received from clients.",
  kante_sent_bytes_total: "Bytes sent to clients.",
  kante_object_puts_total: "Objects written to the object store.",
  kante_object_put_bytes_total: "Bytes written to the object store.",
  kante_object_put_seconds: "Duration of object writes.",
  kante_object_gets_total: "Reads from the object store.",
  kante_object_get_bytes_total: "Bytes read from the object store.",
  kante_object_get_seconds: "Duration of object reads.",
  kante_commits_total: "Commits sent to leaders.",
  kante_commit_seconds: "Duration of commits.",
  kante_billed_total: "What the platform bills, by kind; see GET /cost.",
  kante_billed_level: "What rests and is paid by the month, by kind.",
  kante_transaction_requests_total: "What brokers asked of transactions' coordinators, by kind.",
  kante_transaction_calls_total: "Calls that tell leaders (markers) and groups (offsets) how transactions ended, by kind.",
  kante_rows_written_total: "Rows written to Durable Object storage.",
  kante_cache_hits_total: "Reads answered from the broker's cache.",
  kante_cache_misses_total: "Reads that had to go to the object store.",
  kante_memory_bytes: "Bytes held by the broker against its budget.",
  kante_uploads_in_flight: "Object writes under way.",
  kante_finds_total: "Look-ups of batches at leaders.",
  kante_follows_total: "Long polls of leaders' journals.",
  kante_stored_bytes: "Bytes of records by where they lie: inline, wal, merged, segment.",
  kante_inline_bytes: "Bytes of records in leaders' journals.",
  kante_drains_total: "Objects that leaders made of inline records.",
  kante_drained_bytes_total: "Bytes of objects that leaders made of inline records.",
  kante_retention_steps_total: "Rounds in which leaders let go of records that were too old or too many.",
  kante_objects_deleted_total: "Objects deleted because nothing referred to them any more.",
  kante_garbage_objects: "Objects of cells that nothing refers to and that are not deleted yet.",
  kante_drain_failures_total: "Drains of inline records that failed and will be tried again.",
};

export class Metrics {
  readonly #sinceMs: number | undefined;
  readonly #counters = new Map<string, number>();
  readonly #gauges = new Map<string, number>();
  readonly #histograms = new Map<string, { counts: number[]; sum: number }>();

  constructor(sinceMs?: number) {
    this.#sinceMs = sinceMs;
  }

  /** `series` is a name, or a name with labels: `kante_requests_total{api="Produce"}`. */
  count(series: string, by = 1): void {
    this.#counters.set(series, (this.#counters.get(series) ?? 0) + by);
  }

  /** For a sum that somebody else keeps. */
  set(series: string, value: number): void {
    this.#counters.set(series, value);
  }

  gauge(series: string, value: number): void {
    this.#gauges.set(series, value);
  }

  adjustGauge(series: string, by: number): void {
    this.#gauges.set(series, (this.#gauges.get(series) ?? 0) + by);
  }

  observe(series: string, ms: number): void {
    let histogram = this.#histograms.get(series);
    if (histogram === undefined) {
      histogram = { counts: bounds.map(() => 0).concat(0), sum: 0 };
      this.#histograms.set(series, histogram);
    }
    const seconds = ms / 1000;
    const bucket = bounds.findIndex((bound) => seconds <= bound);
    const index = bucket < 0 ? bounds.length : bucket;
    histogram.counts[index] = (histogram.counts[index] ?? 0) + 1;
    histogram.sum += seconds;
  }

  snapshot(): MetricsSnapshot {
    return {
      counters: Object.fromEntries(this.#counters),
      gauges: Object.fromEntries(this.#gauges),
      histograms: Object.fromEntries(
        [...this.#histograms].map(([series, { counts, sum }]) => [series, { counts: [...counts], sum }]),
      ),
      ...(this.#sinceMs !== undefined && { sinceMs: this.#sinceMs }),
    };
  }
}

export function sumMetrics(snapshots: readonly MetricsSnapshot[]): MetricsSnapshot {
  const add = (pick: (snapshot: MetricsSnapshot) => Readonly<Record<string, number>>): Record<string, number> => {
    const sums: Record<string, number> = {};
    for (const [series, value] of snapshots.flatMap((snapshot) => Object.entries(pick(snapshot))))
      sums[series] = (sums[series] ?? 0) + value;
    return sums;
  };
  const histograms: Record<string, HistogramSnapshot> = {};
  for (const [series, one] of snapshots.flatMap((snapshot) => Object.entries(snapshot.histograms))) {
    const other = histograms[series];
    histograms[series] =
      other === undefined
        ? one
        : { counts: one.counts.map((count, index) => count + (other.counts[index] ?? 0)), sum: one.sum + other.sum };
  }
  return { counters: add((snapshot) => snapshot.counters), gauges: add((snapshot) => snapshot.gauges), histograms };
}

/** The text format of Prometheus, version 0.0.4: all samples of a name stand together under its type. */
export function renderMetrics(snapshot: MetricsSnapshot): string {
  const lines: string[] = [];
  const write = (type: string, samples: Readonly<Record<string, unknown>>, each: (series: string) => string[]): void => {
    let lastName = "";
    for (const series of Object.keys(samples).sort()) {
      const name = series.split("{")[0] ?? series;
      if (name !== lastName) lines.push(`# HELP ${name} ${descriptions[name] ?? name}`, `# TYPE ${name} ${type}`);
      lastName = name;
      lines.push(...each(series));
    }
  };
  write("counter", snapshot.counters, (series) => [`${series} ${snapshot.counters[series] ?? 0}`]);
  write("gauge", snapshot.gauges, (series) => [`${series} ${snapshot.gauges[series] ?? 0}`]);
  write("histogram", snapshot.histograms, (series) => renderHistogram(series, snapshot.histograms[series]));
  return `${lines.join("\n")}\n`;
}

function renderHistogram(series: string, histogram: HistogramSnapshot | undefined): string[] {
  const [name, rest] = series.split("{");
  const labels = rest === undefined ? "" : rest.slice(0, -1);
  let total = 0;
  const lines = (histogram?.counts ?? []).map((count, index) => {
    total += count;
    return `${name}_bucket{${labels === "" ? "" : `${labels},`}le="${bounds[index] ?? "+Inf"}"} ${total}`;
  });
  const suffix = labels === "" ? "" : `{${labels}}`;
  return [...lines, `${name}_sum${suffix} ${histogram?.sum ?? 0}`, `${name}_count${suffix} ${total}`];
}
