/** The faults themselves: the simulator and the benches trust that each does exactly what its name says. */
import { describe, expect, test } from "vitest";
import { operatingErrorKind } from "../../core/operating-error.ts";
import { FaultyObjectStore, putLatency, randomFates, type Fate, type StoreCall } from "../../storage/faulty.ts";
import { MemoryObjectStore } from "../../storage/memory.ts";

const bytes = new Uint8Array([1, 2, 3, 4]);

function faultyWith(fate: Fate): { inner: MemoryObjectStore; faulty: FaultyObjectStore } {
  const inner = new MemoryObjectStore();
  return { inner, faulty: new FaultyObjectStore(inner, { fate: () => fate }) };
}

async function kindOf(work: Promise<unknown>): Promise<string | undefined> {
  return await work.then(
    () => undefined,
    (error: unknown) => operatingErrorKind(error),
  );
}

describe("fates", () => {
  test.each([
    { fate: "fails-before", exists: false },
    { fate: "fails-after", exists: true },
  ] as const)("a put that $fate ends in retry, the object exists: $exists", async ({ fate, exists }) => {
    const { inner, faulty } = faultyWith(fate);
    expect(await kindOf(faulty.put("key", bytes))).toBe("retry");
    expect((await inner.get("key")) !== undefined).toBe(exists);
  });

  test.each([
    { fate: "fails-before", left: 1 },
    { fate: "fails-after", left: 0 },
  ] as const)("a delete that $fate leaves $left objects", async ({ fate, left }) => {
    const { inner, faulty } = faultyWith(fate);
    await inner.put("key", bytes);
    expect(await kindOf(faulty.delete(["key"]))).toBe("retry");
    expect((await inner.list("")).objects).toHaveLength(left);
  });

  test("a read that is cut short hands out less than there is, and the object stays whole", async () => {
    const { inner, faulty } = faultyWith("reads-short");
    await faulty.put("key", bytes);
    expect((await faulty.get("key"))?.byteLength).toBeLessThan(4);
    expect(await inner.get("key")).toEqual(bytes);
  });

  test("the same random numbers give the same fates, at the rates asked for", () => {
    const call: StoreCall = { operation: "put", key: "key", byteLength: 1 };
    const run = (): Fate[] => {
      let state = 1;
      const next = (): number => (state = (state * 48271) % 2147483647) / 2147483647;
      const fates = randomFates(next, { before: 0.1, after: 0.2, short: 0.3 });
      return Array.from({ length: 2000 }, () => fates(call));
    };
    expect(run()).toEqual(run());
    const share = (fate: Fate): number => run().filter((seen) => seen === fate).length / 2000;
    expect(share("fails-before")).toBeCloseTo(0.1, 1);
    expect(share("fails-after")).toBeCloseTo(0.2, 1);
    expect(share("reads-short")).toBeCloseTo(0.3, 1);
  });
});

test("a put waits out its latency before anything happens, a get does not", async () => {
  const inner = new MemoryObjectStore();
  const slept: number[] = [];
  let wake = (): void => {};
  const faulty = new FaultyObjectStore(
    inner,
    putLatency(150, (ms) => {
      slept.push(ms);
      return new Promise((resolve) => (wake = resolve));
    }),
  );
  const put = faulty.put("key", bytes);
  expect(await faulty.get("key")).toBeUndefined();
  expect(slept).toEqual([150]);
  wake();
  await put;
  expect(await faulty.get("key")).toEqual(bytes);
  expect(slept).toEqual([150]);
});
