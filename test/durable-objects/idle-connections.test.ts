/** Which connections are closed for being idle, by a clock that the test moves. */
import { describe, expect, test } from "vitest";
import { IdleConnections } from "../../durable-objects/idle-connections.ts";

class Clock {
  nowMs = 0;
  readonly timers = new Map<() => void, number>();
  readonly idle = new IdleConnections({
    idleMsMax: 1000,
    now: () => this.nowMs,
    after: (ms, work) => {
      this.timers.set(work, this.nowMs + ms);
      return () => void this.timers.delete(work);
    },
  });

  /** Moves from timer to timer. */
  until(ms: number): void {
    for (;;) {
      const [next] = [...this.timers].filter(([, atMs]) => atMs <= ms).sort(([, a], [, b]) => a - b);
      if (next === undefined) break;
      this.timers.delete(next[0]);
      this.nowMs = next[1];
      next[0]();
    }
    this.nowMs = ms;
  }

  open(fields: { isQuiet?: boolean } = {}) {
    const connection = {
      isQuiet: true,
      activeAtMs: this.nowMs,
      closedAtMs: -1,
      ...fields,
      fail: () => {
        connection.closedAtMs = this.nowMs;
        this.idle.delete(connection);
      },
    };
    this.idle.add(connection);
    return connection;
  }
}

describe("idle connections", () => {
  test("are closed when nothing has passed for the whole time, each in its own", () => {
    const clock = new Clock();
    const first = clock.open();
    clock.until(300);
    const second = clock.open();
    clock.until(500);
    second.activeAtMs = 500;
    clock.until(5000);
    expect([first.closedAtMs, second.closedAtMs]).toEqual([1000, 1500]);
  });

  test("stay while something is under way, however long it takes", () => {
    const clock = new Clock();
    const waiting = clock.open({ isQuiet: false });
    clock.until(9500);
    expect(waiting.closedAtMs).toBe(-1);
    waiting.isQuiet = true;
    waiting.activeAtMs = 9500;
    clock.until(20_000);
    expect(waiting.closedAtMs).toBe(10_500);
  });

  test("[D3] without a connection there is no timer", () => {
    const clock = new Clock();
    expect(clock.timers.size).toBe(0);
    const connection = clock.open();
    expect(clock.timers.size).toBe(1);
    clock.idle.delete(connection);
    expect(clock.timers.size).toBe(0);
    clock.open();
    clock.until(1000);
    expect(clock.timers.size).toBe(0);
  });
});
