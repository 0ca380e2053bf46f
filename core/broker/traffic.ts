/**
 * What a broker received and sent in each minute of the last hour: sums in a ring, in memory alone. Nothing is done when a minute ends: the
 * next bytes or the next question find out. Sums of several brokers are put together for `GET /throughput`.
 */
const minuteMs = 60_000;
const minutesKept = 60;

export interface TrafficMinute {
  /** When it began. */
  readonly startMs: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

export interface Traffic {
  /** What was before is not known: the broker's memory begins here. */
  readonly sinceMs: number;
  /** Oldest first; minutes without traffic are left out. The last one may still go on. */
  readonly minutes: readonly TrafficMinute[];
}

export class TrafficRing {
  readonly #sinceMs: number;
  /** Each minute has its place; whose it is says `#minutes`. */
  readonly #minutes = new Float64Array(minutesKept).fill(-1);
  readonly #received = new Float64Array(minutesKept);
  readonly #sent = new Float64Array(minutesKept);

  constructor(sinceMs: number) {
    this.#sinceMs = sinceMs;
  }

  received(byteLength: number, nowMs: number): void {
    this.#received[this.#place(nowMs)]! += byteLength;
  }

  sent(byteLength: number, nowMs: number): void {
    this.#sent[this.#place(nowMs)]! += byteLength;
  }

  snapshot(nowMs: number): Traffic {
    const now = Math.floor(nowMs / minuteMs);
    const minutes = [...this.#minutes]
      .flatMap((minute, place) =>
        minute < 0 || minute > now || minute <= now - minutesKept
          ? []
          : [{ startMs: minute * minuteMs, receivedBytes: this.#received[place]!, sentBytes: this.#sent[place]! }],
      )
      .sort((one, other) => one.startMs - other.startMs);
    return { sinceMs: this.#sinceMs, minutes };
  }

  #place(nowMs: number): number {
    const minute = Math.floor(nowMs / minuteMs);
    const place = minute % minutesKept;
    if (this.#minutes[place] !== minute) {
      this.#minutes[place] = minute;
      this.#received[place] = 0;
      this.#sent[place] = 0;
    }
    return place;
  }
}

/** Every minute from the first that anybody remembers, an hour at most, to the one that goes on, with the sums over all brokers. */
export function sumTraffic(parts: readonly Traffic[], nowMs: number): readonly TrafficMinute[] {
  const last = Math.floor(nowMs / minuteMs);
  const oldest = Math.min(nowMs, ...parts.flatMap(({ sinceMs, minutes }) => [sinceMs, ...minutes.map(({ startMs }) => startMs)]));
  const first = Math.max(last - minutesKept + 1, Math.floor(oldest / minuteMs));
  const sums = Array.from({ length: last - first + 1 }, (_, index) => ({
    startMs: (first + index) * minuteMs,
    receivedBytes: 0,
    sentBytes: 0,
  }));
  for (const { startMs, receivedBytes, sentBytes } of parts.flatMap(({ minutes }) => minutes)) {
    const sum = sums[Math.floor(startMs / minuteMs) - first];
    if (sum === undefined) continue;
    sum.receivedBytes += receivedBytes;
    sum.sentBytes += sentBytes;
  }
  return sums;
}
