/** The last hour of a broker's traffic: by the minute, an hour and no more, and put together over brokers. */
import { describe, expect, test } from "vitest";
import { TrafficRing, sumTraffic } from "../../../core/broker/traffic.ts";

const minute = 60_000;
const startMs = 1_000_000 * minute;

describe("a broker's traffic", () => {
  test("is summed by minute, in both ways, and minutes without any are left out", () => {
    const ring = new TrafficRing(startMs);
    ring.received(5, startMs + 1);
    ring.sent(7, startMs + 59_999);
    ring.received(11, startMs + 3 * minute);
    expect(ring.snapshot(startMs + 3 * minute)).toEqual({
      sinceMs: startMs,
      minutes: [
        { startMs, receivedBytes: 5, sentBytes: 7 },
        { startMs: startMs + 3 * minute, receivedBytes: 11, sentBytes: 0 },
      ],
    });
  });

  test("is forgotten after an hour, whether or not bytes have come since", () => {
    const ring = new TrafficRing(startMs);
    for (let index = 0; index < 150; index++) ring.received(index, startMs + index * minute);
    const { minutes } = ring.snapshot(startMs + 149 * minute);
    expect(minutes.map(({ receivedBytes }) => receivedBytes)).toEqual(Array.from({ length: 60 }, (_, index) => 90 + index));
    expect(ring.snapshot(startMs + 150 * minute).minutes).toHaveLength(59);
    expect(ring.snapshot(startMs + 500 * minute).minutes).toEqual([]);
  });
});

describe("the traffic of several brokers", () => {
  test("has every minute from the first that anybody remembers to the one that goes on", () => {
    const [one, other] = [new TrafficRing(startMs), new TrafficRing(startMs + 2 * minute)];
    one.received(1, startMs + minute);
    one.sent(2, startMs + 3 * minute);
    other.received(10, startMs + 3 * minute);
    const nowMs = startMs + 3 * minute + 30_000;
    const sums = sumTraffic([one.snapshot(nowMs), other.snapshot(nowMs)], nowMs);
    expect(sums.map(({ receivedBytes, sentBytes }) => [receivedBytes, sentBytes])).toEqual([
      [0, 0],
      [1, 0],
      [0, 0],
      [10, 2],
    ]);
    expect(sums[0]!.startMs).toBe(startMs);
  });

  test("is an hour at most, and the minute that goes on where nobody remembers anything", () => {
    const ring = new TrafficRing(startMs);
    const nowMs = startMs + 100 * minute;
    ring.received(1, nowMs);
    const sums = sumTraffic([ring.snapshot(nowMs)], nowMs);
    expect(sums).toHaveLength(60);
    expect(sums.at(-1)).toEqual({ startMs: nowMs, receivedBytes: 1, sentBytes: 0 });
    expect(sumTraffic([], nowMs)).toEqual([{ startMs: nowMs, receivedBytes: 0, sentBytes: 0 }]);
  });
});
