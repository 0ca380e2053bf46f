/** What becomes of calls to an object that is restarted: a broken stub is never used again, and questions are put once more. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { operatingErrorKind } from "../../core/operating-error.ts";
import { Stub } from "../../durable-objects/stub.ts";

/** The first so many targets are broken, as the stubs of an object that was reset. */
function objectThatBreaks(times: number) {
  const opened: number[] = [];
  const stub = new Stub(() => {
    const number = opened.push(opened.length);
    return { ask: async () => (number <= times ? Promise.reject(new Error("reset")) : `answer ${number}`) };
  });
  return { stub, opened };
}

describe("[I7] an object that was restarted", () => {
  test("fails the call that finds out, and the next one gets a fresh stub", async () => {
    const { stub, opened } = objectThatBreaks(1);
    await expect(stub.call((target) => target.ask())).rejects.toThrow("reset");
    expect(await stub.call((target) => target.ask())).toBe("answer 2");
    expect(await stub.call((target) => target.ask())).toBe("answer 2");
    expect(opened).toHaveLength(2);
  });

  test("answers a question that may be repeated", async () => {
    const { stub } = objectThatBreaks(1);
    expect(await stub.repeat((target) => target.ask())).toBe("answer 2");
  });

  test("is not asked for ever", async () => {
    const { stub, opened } = objectThatBreaks(9);
    await expect(stub.repeat((target) => target.ask())).rejects.toThrow("reset");
    expect(opened).toHaveLength(2);
  });

  test("its failure says that the call may be made again", async () => {
    const { stub } = objectThatBreaks(9);
    const error: unknown = await stub.call((target) => target.ask()).catch((reason: unknown) => reason);
    expect(operatingErrorKind(error)).toBe("retry");
  });
});

test.each([
  [
    "the platform's error",
    Object.assign(new Error("Durable Object is overloaded. Too many requests queued."), { overloaded: true }),
    1,
  ],
  ["any other", Object.assign(new Error("Network connection lost."), { retryable: true, overloaded: false }), 2],
])("an object that is overloaded is not asked again: %s", async (_title, failure, calls) => {
  const ask = vi.fn(async () => await Promise.reject(failure));
  const stub = new Stub(() => ({ ask }));
  const error: unknown = await stub.repeat((target) => target.ask()).catch((reason: unknown) => reason);
  expect(operatingErrorKind(error)).toBe("retry");
  expect(ask).toHaveBeenCalledTimes(calls);
});

describe("an object that does not answer", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("is given up in time, and not asked for ever", async () => {
    let calls = 0;
    const stub = new Stub(() => ({
      ask: async () => {
        calls += 1;
        await new Promise(() => {});
      },
    }));
    const outcome = stub.repeat((target) => target.ask()).catch((reason: unknown) => operatingErrorKind(reason));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await outcome).toBe("retry");
    expect(calls).toBe(2);
    expect(vi.getTimerCount()).toBe(0);
  });
});
