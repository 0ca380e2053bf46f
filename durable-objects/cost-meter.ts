/**
 * What a Durable Object does that the platform bills, counted where it happens: as series of its metrics, so that they travel, add up
 * and are shown like all others (`kante_billed_total{what="class-a"}`). Calls are counted at the class, once for all its methods.
 */
import { Awake } from "../core/cost/awake.ts";
import type { Counted } from "../core/cost/bill.ts";
import { prices, type Billed } from "../core/cost/prices.ts";
import { Metrics, type MetricsSnapshot } from "./metrics.ts";

const seriesOf = (billed: Billed) => `kante_billed_total{what="${billed}"}`;
const levelOf = (billed: Billed) => `kante_billed_level{what="${billed}"}`;
const bytesPerGb = 1e9;

const meters = new WeakMap<object, CostMeter>();

export class CostMeter {
  readonly metrics: Metrics;
  readonly #awake = new Awake();

  /** `owner` is what `meterCalls` finds the meter by. */
  constructor(owner: object, metrics: Metrics = new Metrics(Date.now())) {
    this.metrics = metrics;
    meters.set(owner, this);
  }

  readonly count = (billed: Billed, by = 1): void => {
    if (by > 0) this.metrics.count(seriesOf(billed), by);
  };

  rowsWritten(rows: number): void {
    if (rows === 0) return;
    this.metrics.count("kante_rows_written_total", rows);
    this.count("rows-written", rows);
  }

  rowsRead(rows: number): void {
    this.count("rows-read", rows);
  }

  begin(): void {
    this.#awake.begin(Date.now());
  }

  end(): void {
    this.#awake.end(Date.now());
  }

  /** Those of the object, with what it costs so far. */
  snapshot(levels: { readonly objectBytes?: number; readonly rowBytes?: number } = {}): MetricsSnapshot {
    this.metrics.set(seriesOf("gb-seconds"), this.#awake.gbSeconds(Date.now()));
    const { objectBytes, rowBytes } = levels;
    if (objectBytes !== undefined) this.metrics.gauge(levelOf("object-gb-months"), objectBytes / bytesPerGb);
    if (rowBytes !== undefined) this.metrics.gauge(levelOf("row-gb-months"), rowBytes / bytesPerGb);
    return this.metrics.snapshot();
  }
}

/** How a call is billed, where it is not as a request. Closing a socket is none. */
const others: Readonly<Record<string, readonly Billed[]>> = {
  webSocketMessage: ["websocket-messages"],
  webSocketClose: [],
  webSocketError: [],
  // Somebody came through the Worker.
  fetch: ["worker-requests", "requests"],
  connect: ["worker-requests", "requests"],
};

/** Counts every call from outside to objects of the class, and how long it lasts. */
export function meterCalls(durableObject: { readonly prototype: object }): void {
  const { prototype } = durableObject;
  for (const [name, { value, ...property }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    if (name === "constructor" || typeof value !== "function") continue;
    const call = value as (...args: unknown[]) => unknown;
    const billed = others[name] ?? ["requests"];
    const metered = function (this: object, ...args: unknown[]): unknown {
      const meter = meters.get(this);
      for (const one of billed) meter?.count(one);
      meter?.begin();
      let answer: unknown;
      try {
        answer = call.apply(this, args);
      } finally {
        if (!(answer instanceof Promise)) meter?.end();
      }
      return answer instanceof Promise ? answer.finally(() => meter?.end()) : answer;
    };
    Object.defineProperty(prototype, name, { ...property, value: metered });
  }
}

/** What a snapshot says of costs. */
export function countedOf({ counters, gauges, sinceMs }: MetricsSnapshot, nowMs: number): Counted {
  const usage: Partial<Record<Billed, number>> = {};
  for (const billed of Object.keys(prices) as Billed[]) {
    const count = counters[seriesOf(billed)] ?? gauges[levelOf(billed)];
    if (count !== undefined) usage[billed] = count;
  }
  return { usage, elapsedMs: sinceMs === undefined ? 0 : nowMs - sinceMs };
}
