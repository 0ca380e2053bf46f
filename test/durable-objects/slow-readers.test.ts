/** Who is dropped when answers that nobody takes hold the memory of others: time and pressure are the test's. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { SlowReaders } from "../../durable-objects/slow-readers.ts";

class Reader {
  unsentBytes: number;
  takenAtMs: number;
  readonly dropped: string[] = [];

  constructor(unsentBytes: number, takenAtMs = 0) {
    this.unsentBytes = unsentBytes;
    this.takenAtMs = takenAtMs;
  }

  drop(reason: string): void {
    this.dropped.push(reason);
    this.unsentBytes = 0;
  }
}

function watched(readers: readonly Reader[]) {
  const state = { pressed: true };
  const slow = new SlowReaders({ readers, isPressed: () => state.pressed, now: () => Date.now() });
  return { slow, state };
}

beforeEach(() => void vi.useFakeTimers({ now: 0 }));
afterEach(() => void vi.useRealTimers());

describe("[I8] while answers hold much of the memory", () => {
  test("the greediest of those who take nothing is dropped, and no other while memory comes free by that", () => {
    const readers = [new Reader(10), new Reader(30), new Reader(20), new Reader(0)];
    const { slow, state } = watched(readers);
    const drop = readers[1]!.drop.bind(readers[1]);
    readers[1]!.drop = (reason) => {
      state.pressed = false;
      drop(reason);
    };
    slow.look();
    vi.advanceTimersByTime(60_000);
    expect(readers.map(({ dropped }) => dropped.length)).toEqual([0, 1, 0, 0]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("one after the other is dropped as long as that is not enough", () => {
    const readers = [new Reader(10), new Reader(30)];
    const { slow } = watched(readers);
    slow.look();
    vi.advanceTimersByTime(60_000);
    expect(readers.map(({ dropped }) => dropped.length)).toEqual([1, 1]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("a client that takes something, however slowly, is kept", () => {
    const reader = new Reader(30);
    const { slow } = watched([reader]);
    slow.look();
    for (let second = 0; second < 60; second += 5) {
      vi.advanceTimersByTime(5000);
      reader.takenAtMs = Date.now();
    }
    expect(reader.dropped).toEqual([]);
  });
});

test("[D3] nothing is looked at while memory suffices", () => {
  const { slow, state } = watched([new Reader(30)]);
  state.pressed = false;
  slow.look();
  expect(vi.getTimerCount()).toBe(0);
});
