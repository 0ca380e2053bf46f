/** The extents of a partition against a plain array, and what they weigh. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ExtentLog, type StoredExtent } from "../../../core/cell/extent-log.ts";

type Step =
  | { readonly kind: "append"; readonly count: number; readonly length: number; readonly time: number }
  | { readonly kind: "drop"; readonly share: number };

const time = fc.oneof(fc.integer({ min: 0, max: 1000 }), fc.constant(-1), fc.integer({ min: 0, max: 2 ** 50 }));
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 40,
    arbitrary: fc.record({
      kind: fc.constant("append" as const),
      count: fc.oneof(fc.integer({ min: 1, max: 50 }), fc.constant(2 ** 31 - 1)),
      length: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
      time,
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

test("[D6] extents found by offset and by time, also after a prefix is dropped, are those of a plain list", () => {
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
