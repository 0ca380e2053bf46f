/** The extents of a partition against a plain array, and what they weigh. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ExtentLog, type StoredExtent } from "../../../core/cell/extent-log.ts";

type Step =
  | { readonly kind: "append"; readonly count: number; readonly length: number; readonly time: number }
  | { readonly kind: "join"; readonly share: number; readonly count: number }
  | { readonly kind: "drop"; readonly share: number };

const time = fc.oneof(fc.integer({ min: 0, max: 1000 }), fc.constant(-1), fc.integer({ min: 0, max: 2 ** 50 }));
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 40,
    arbitrary: fc.record({
      kind: fc.constant("append" as const),
      count: fc.oneof(fc.integer({ min: 1, max: 50 }), fc.constant(2 ** 31 - 1)),
      length: fc.integer({ min: 1, max: 2 ** 23 - 1 }),
      time,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("join" as const),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
      count: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 400 })),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("drop" as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }) },
);

function collect(log: ExtentLog, offset: number, end: number): StoredExtent[] {
  const extents: StoredExtent[] = [];
  log.scan(offset, end, (extent) => {
    extents.push(extent);
    return true;
  });
  return extents;
}

test("[D6] [D11] extents found by offset and by time, also after some are joined and a prefix is dropped, are those of a plain list", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 700, size: "max" }), time, (steps, wantedTime) => {
      const log = new ExtentLog();
      let model: StoredExtent[] = [];
      let end = 0;
      for (const [source, now] of steps.entries()) {
        if (now.kind === "append") {
          log.append(end, source * 7, now.length, source, now.time);
          const extent = { baseOffset: end, byteStart: source * 7, byteLength: now.length, source, maxTimestamp: now.time };
          model.push({ ...extent, nextOffset: end + now.count });
          end += now.count;
        } else if (now.kind === "join") {
          const first = Math.floor((model.length - 1) * now.share);
          const baseOffset = model[first]?.baseOffset ?? 0;
          const parts = model.slice(first, first + now.count);
          const moved: number[] = [];
          const isThere = parts.length === now.count;
          expect(log.join(baseOffset, now.count, source, 5, (former) => moved.push(former))).toBe(isThere);
          expect(moved).toEqual(isThere ? parts.map((part) => part.source) : []);
          if (!isThere) continue;
          const byteLength = parts.reduce((sum, part) => sum + part.byteLength, 0);
          const maxTimestamp = Math.max(...parts.map((part) => part.maxTimestamp));
          const joined = { baseOffset, nextOffset: parts.at(-1).nextOffset, byteStart: 5, byteLength, source, maxTimestamp };
          model.splice(first, now.count, joined);
        } else {
          const before = Math.floor(end * now.share);
          const dropped: StoredExtent[] = [];
          log.dropBefore(before, end, (extent) => dropped.push(extent));
          expect(dropped).toEqual(model.filter(({ nextOffset }) => nextOffset <= before));
          model = model.filter(({ nextOffset }) => nextOffset > before);
        }
      }
      expect(log.count).toBe(model.length);
      expect(log.byteLength).toBe(model.reduce((sum, { byteLength }) => sum + byteLength, 0));
      for (const offset of [0, model[0]?.baseOffset ?? 0, Math.floor(end / 2), end - 1]) {
        expect(collect(log, offset, end)).toEqual(model.filter(({ nextOffset }) => nextOffset > offset));
      }
      expect(log.firstWithTime(wantedTime, end)).toEqual(model.find(({ maxTimestamp }) => maxTimestamp >= wantedTime));
      const latest = Math.max(...model.map(({ maxTimestamp }) => maxTimestamp));
      expect(log.latestTime(end)).toEqual(model.find(({ maxTimestamp }) => maxTimestamp === latest));
    }),
    { numRuns: 200 },
  );
});

test.each([300, 1000, 100_000])("[D6] %d extents of a partition weigh at most 24 bytes each in memory", (count) => {
  const log = new ExtentLog();
  for (let index = 0; index < count; index++) log.append(index * 10, 0, 1000, index, 1_700_000_000_000 + index);
  expect(log.memoryBytes / count).toBeLessThanOrEqual(24);
});

/** What makes a chunk end: its number of extents, and differences of offsets and times that 32 bits cannot hold. */
const shapes: readonly (readonly [what: string, count: (index: number) => number, time: (index: number) => number])[] = [
  ["alike", () => 3, (index) => 1_700_000_000_000 + index],
  ["of many offsets each", () => 2 ** 31 - 1, (index) => index],
  ["one of which takes all the offsets a chunk has", (index) => (index === 100 ? 2 ** 32 - 300 : 3), (index) => index],
  ["whose times leap to either side", () => 3, (index) => (index % 3 === 0 ? 2 ** 40 : index % 3 === 1 ? -1 : 2 ** 31)],
  ["whose times differ by just what a chunk can hold", () => 3, (index) => (index % 2 === 0 ? 0 : 2 ** 31 - 1)],
];

test.each(shapes)("[D6] extents %s are found at every edge, also after any prefix is dropped", (_, count, timeAt) => {
  const log = new ExtentLog();
  const model: StoredExtent[] = [];
  for (let index = 0, end = 0; index < 600; index++) {
    const [maxTimestamp, nextOffset] = [timeAt(index), end + count(index)];
    log.append(end, index, 100, index, maxTimestamp);
    model.push({ baseOffset: end, nextOffset, byteStart: index, byteLength: 100, source: index, maxTimestamp });
    end = nextOffset;
  }
  const end = model.at(-1).nextOffset;
  const at = (offset: number): StoredExtent | undefined => {
    let found: StoredExtent | undefined;
    log.scan(offset, end, (extent) => {
      found = extent;
      return false;
    });
    return found;
  };
  for (const extent of model) {
    for (const offset of [extent.baseOffset, extent.nextOffset - 1]) expect(at(offset)).toEqual(extent);
    // The first one that is late enough, and nothing before it that is.
    expect(log.firstWithTime(extent.maxTimestamp, end)).toEqual(model.find((one) => one.maxTimestamp >= extent.maxTimestamp));
  }
  for (const kept of [0, 1, 254, 255, 256, 257, 511, 512, 513, 599].map((index) => model[index]!)) {
    // An extent that is cut through stays whole.
    log.dropBefore(kept.baseOffset + 1, end, () => {});
    expect(at(0)).toEqual(kept);
    expect([log.count, log.firstWithTime(-1, end)]).toEqual([600 - model.indexOf(kept), kept]);
    const late = model.slice(model.indexOf(kept)).map(({ maxTimestamp }) => maxTimestamp);
    expect(log.latestTime(end)!.maxTimestamp).toBe(Math.max(...late));
  }
  log.dropBefore(end, end, () => {});
  expect([log.count, log.byteLength, log.memoryBytes]).toEqual([0, 0, 0]);
});
