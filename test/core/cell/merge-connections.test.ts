/**
 * The platform lets an object wait for six answers of the store at a time; what is asked beyond stands behind them, and a merge whose upload
 * stands behind its own reads would never end. A store that refuses the seventh shows how many a merger takes.
 */
import { expect, test } from "vitest";
import type { MemoryObjectStore } from "../../../storage/memory.ts";
import { CompactionSubject } from "../compact/compaction-subject.ts";
import { at, MergeSubject } from "./merge-subject.ts";

const connectionsMax = 6;

/** Each answer takes until all that is asked in the same breath has been asked. */
function narrowed(store: MemoryObjectStore) {
  const seen = { now: 0, most: 0 };
  const through = async <Answer>(work: () => Promise<Answer>): Promise<Answer> => {
    if (seen.now === connectionsMax) throw new Error("a seventh connection");
    seen.now += 1;
    seen.most = Math.max(seen.most, seen.now);
    try {
      await new Promise((resolve) => setImmediate(resolve));
      return await work();
    } finally {
      seen.now -= 1;
    }
  };
  const [get, put, putStream] = [store.get.bind(store), store.put.bind(store), store.putStream.bind(store)];
  store.get = async (...given) => await through(() => get(...given));
  store.put = async (...given) => await through(() => put(...given));
  store.putStream = async (...given) => await through(() => putStream(...given));
  return seen;
}

test.each([
  ["merged objects", undefined],
  ["segments with their indexes", 20_000],
])("[D11] a merge of many objects into %s takes six connections at most, its upload among them", async (_what, segmentBytes) => {
  const subject = await new MergeSubject().create(segmentBytes);
  for (let count = 0; count < 60; count++) await subject.produce([at(0), at(0, 1)], "object", 1000);
  const before = await subject.read();
  const seen = narrowed(subject.store);
  expect(await subject.mergeAll()).toBeGreaterThan(0);
  expect(seen).toEqual({ now: 0, most: 4 });
  expect(await subject.read()).toEqual(before);
});

test("[D11] [I12] so does a compaction", async () => {
  const subject = await new CompactionSubject().create();
  for (let count = 0; count < 40; count++) {
    await subject.produce([{ key: `key ${count % 7}`, value: "x".repeat(1000) }]);
  }
  const seen = narrowed(subject.store);
  await subject.compactAll();
  expect(subject.claims).toContain("compacted");
  expect(seen.now).toBe(0);
  expect(seen.most).toBeLessThanOrEqual(connectionsMax);
});
