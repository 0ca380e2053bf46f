/** The inside of a batch body: every record as it was written, and the first at or after a time. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { kernel } from "../../kernel/kernel.ts";
import { encodeBatch, encodeRecords } from "./batch-builder.ts";

const baseTimestamp = 1_700_000_000_000;
const maybeBytes = fc.option(fc.uint8Array({ maxLength: 150 }));
const record = fc.record({
  key: maybeBytes,
  value: maybeBytes,
  timestampDelta: fc.oneof(
    fc.integer({ min: -1000, max: 1000 }),
    fc.integer(),
    fc.constantFrom(2 ** 40, -(2 ** 40), 2 ** 28 - 1, 2 ** 27),
  ),
  headers: fc.array(fc.tuple(fc.uint8Array({ maxLength: 5 }), maybeBytes), { maxLength: 2 }),
});
const recordList = fc.array(record, { minLength: 1, maxLength: 12 });

function headerOf(list: Parameters<typeof encodeRecords>[0], attributes = 0): ReturnType<typeof kernel.batches>[number] {
  const batch = encodeBatch({
    records: list,
    baseOffset: 500n,
    baseTimestamp: BigInt(baseTimestamp),
    maxTimestamp: 99n,
    attributes,
  });
  return kernel.batches(batch)[0]!;
}

test("records come out as they were written", () => {
  fc.assert(
    fc.property(recordList, (list) => {
      expect(kernel.records(headerOf(list), encodeRecords(list))).toEqual(
        list.map(({ key, value, timestampDelta }, index) => ({
          offset: 500 + index,
          timestamp: baseTimestamp + timestampDelta,
          key,
          value,
        })),
      );
    }),
  );
});

test("the first record at or after a time, in offset order whatever the order of times", () => {
  fc.assert(
    fc.property(recordList, fc.integer({ min: -1100, max: 1100 }), (list, delta) => {
      const index = list.findIndex(({ timestampDelta }) => timestampDelta >= delta);
      const expected = index < 0 ? undefined : { offset: 500 + index, timestamp: baseTimestamp + list[index]!.timestampDelta };
      expect(kernel.firstRecordAtOrAfter(headerOf(list), encodeRecords(list), baseTimestamp + delta)).toEqual(expected);
    }),
  );
});

test("with log append time every record has the batch's max timestamp", () => {
  const list = [{ timestampDelta: 5 }, { timestampDelta: 6 }];
  const body = encodeRecords(list);
  expect(kernel.records(headerOf(list, 8), body).map(({ timestamp }) => timestamp)).toEqual([99, 99]);
  expect(kernel.firstRecordAtOrAfter(headerOf(list, 8), body, 99)).toEqual({ offset: 500, timestamp: 99 });
  expect(kernel.firstRecordAtOrAfter(headerOf(list, 8), body, 100)).toBeUndefined();
});

test("offset deltas count, not positions: compaction leaves holes", () => {
  const list = [{ offsetDelta: 3 }, { offsetDelta: 9 }];
  expect(kernel.records(headerOf(list), encodeRecords(list)).map(({ offset }) => offset)).toEqual([503, 509]);
});

describe("[I9] noise as a body", () => {
  test("gives views inside of it or nothing, and ends", () => {
    const header = { ...headerOf([{}]), recordCount: 1_000_000 };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer(), (noise, timestamp) => {
        for (const { key, value } of kernel.records(header, noise)) {
          for (const part of [key, value])
            if (part !== null) expect(part.byteOffset + part.length).toBeLessThanOrEqual(noise.length);
        }
        kernel.firstRecordAtOrAfter(header, noise, timestamp);
      }),
      { numRuns: 2000 },
    );
  });
});
