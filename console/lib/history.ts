/**
 * A few figures over the last hour: what this page has seen, as samples with their times and as rates of counters between them, and what
 * brokers remember of the time before. Counters start again when what counts them does; a sum that falls is taken as one that began at nothing.
 */
export interface Point {
  readonly atMs: number;
  readonly value: number;
}

export const historyMs = 3_600_000;

/** So many points at most: where there are more, every second one goes, and the time that they span stays. */
export class History {
  readonly #pointsMax: number;
  #points: Point[] = [];

  constructor(pointsMax = 1200) {
    this.#pointsMax = pointsMax;
  }

  get points(): readonly Point[] {
    return this.#points;
  }

  get last(): Point | undefined {
    return this.#points.at(-1);
  }

  add(atMs: number, value: number): void {
    const last = this.#points.at(-1);
    if (last !== undefined && atMs <= last.atMs) return;
    const kept = this.#points.filter((point) => point.atMs > atMs - historyMs);
    const isFull = kept.length >= this.#pointsMax;
    this.#points = [...(isFull ? kept.filter((_, index) => index % 2 === 0) : kept), { atMs, value }];
  }
}

/** A counter as a rate a second; what lies between two looks that are far apart is their mean. */
export class RateHistory {
  readonly rates: History;
  #before: Point | undefined;

  constructor(rates = new History()) {
    this.rates = rates;
  }

  add(atMs: number, total: number): void {
    const before = this.#before;
    this.#before = { atMs, value: total };
    if (before === undefined || atMs <= before.atMs) return;
    const grown = total >= before.value ? total - before.value : total;
    this.rates.add(atMs, (grown * 1000) / (atMs - before.atMs));
  }
}

/** What brokers remember: a sum for each minute. */
export interface Minute {
  readonly startMs: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

const minuteMs = 60_000;

/** The whole minutes that this page has not looked at, as rates, and what it has seen itself, in order of time. */
export function withMinutes(
  seen: readonly Point[],
  minutes: readonly Minute[],
  of: "receivedBytes" | "sentBytes",
  nowMs: number,
): readonly Point[] {
  const looked = new Set(seen.map(({ atMs }) => Math.floor(atMs / minuteMs)));
  const others = minutes.flatMap(({ startMs, [of]: bytes }) =>
    startMs + minuteMs > nowMs || looked.has(startMs / minuteMs) ? [] : [{ atMs: startMs + minuteMs / 2, value: bytes / 60 }],
  );
  return [...others, ...seen].sort((one, other) => one.atMs - other.atMs);
}
