/** The one timer of a group or a transaction: an object that holds one cannot sleep, and is paid for. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { EarliestTimer } from "../../durable-objects/earliest-timer.ts";

beforeEach(() => void vi.useFakeTimers({ now: 0 }));
afterEach(() => void vi.useRealTimers());

function timer() {
  const woken: number[] = [];
  return { woken, timer: new EarliestTimer(() => woken.push(Date.now())) };
}

test("it wakes at the earliest deadline that was named, though that may have moved away", () => {
  const { timer: subject, woken } = timer();
  subject.setFor(5000, 0);
  subject.setFor(3000, 0);
  subject.setFor(9000, 0);
  vi.advanceTimersByTime(20_000);
  expect(woken).toEqual([3000]);
});

test("none stands once nothing is awaited, and a later deadline is kept all the same", () => {
  const { timer: subject, woken } = timer();
  subject.setFor(300_000, 0);
  subject.setFor(undefined, 0);
  expect(vi.getTimerCount()).toBe(0);
  subject.setFor(400_000, 0);
  vi.advanceTimersByTime(500_000);
  expect(woken).toEqual([400_000]);
  expect(vi.getTimerCount()).toBe(0);
});
