/** The map of keys that compactions work with: as its plain twin, whatever the bodies say, and no larger than it was made. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { wasmKeyMap } from "../../kernel/key-map.ts";
import { plainKeyMap } from "../../kernel/twins/key-map.ts";
import { encodeRecords, type RecordSpec } from "./batch-builder.ts";

const secret = [1, 0x9e3779b9, 7, 0xffffffff] as const;
const keys = Array.from({ length: 12 }, (_, index) => new Uint8Array(index * 5).fill(index));
const record = fc.record({
  key: fc.oneof(
    fc.constantFrom(...keys),
    fc.constant(null),
    fc.uint8Array({ minLength: 1, maxLength: 3 }),
    fc.uint8Array({ maxLength: 200 }),
  ),
  value: fc.option(fc.uint8Array({ maxLength: 20 })),
  timestampDelta: fc.oneof(fc.integer(), fc.integer({ min: -5, max: 300 })),
  headers: fc.constantFrom([], [[new Uint8Array([65]), null] as const]),
});
/** Offsets have gaps, as in a log that was compacted before. */
const body = fc.array(fc.record({ record, gap: fc.integer({ min: 0, max: 2 }) }), { maxLength: 20 }).map((list) => {
  let offsetDelta = -1;
  const records = list.map(({ record: found, gap }): RecordSpec => {
    offsetDelta += 1 + gap;
    return { ...found, offsetDelta };
  });
  return { bytes: encodeRecords(records), count: records.length, offsets: offsetDelta + 1 };
});

/** Views of what another call will overwrite. */
function kept<Result extends { readonly body: Uint8Array } | undefined>(result: Result): unknown {
  return result && { ...result, body: [...result.body] };
}

test("puts and filters as its plain twin, from its first offset on and until it is full", () => {
  fc.assert(
    fc.property(
      fc.array(body, { maxLength: 8 }),
      fc.integer({ min: 0, max: 40 }),
      fc.integer({ min: 2, max: 60 }),
      fc.integer({ min: 0, max: 120 }),
      fc.boolean(),
      (bodies, startOffset, slots, mapEnd, keepTombstones) => {
        const map = wasmKeyMap({ startOffset, secret, byteLength: slots * 16 });
        const twin = plainKeyMap(startOffset, Math.max(1, Math.floor(slots * 0.8)));
        let base = 0;
        for (const { bytes, count, offsets } of bodies) {
          expect(map.put(bytes, count, base)).toEqual(twin.put(bytes, count, base));
          expect(map.size).toBe(twin.size);
          base += offsets;
        }
        base = 0;
        for (const { bytes, count, offsets } of bodies) {
          const found = map.filter(bytes, count, base, mapEnd, keepTombstones);
          const expected = twin.filter(bytes, count, base, mapEnd, keepTombstones);
          if (expected?.recordCount === 0) expect(found).toMatchObject({ recordCount: 0, tombstones: 0 });
          else expect(kept(found)).toEqual(kept(expected));
          base += offsets;
        }
      },
    ),
  );
});

test("[I9] bodies that are cut, changed or claim another count are malformed to both, or the same", () => {
  fc.assert(
    fc.property(
      body,
      fc.nat(),
      fc.integer({ min: 0, max: 255 }),
      fc.integer({ min: -2, max: 2 }),
      ({ bytes, count }, at, byte, more) => {
        const spoilt = bytes.slice(0, bytes.length - (at % 3));
        if (spoilt.length > 0) spoilt[at % spoilt.length] = byte;
        const counted = Math.max(0, count + more);
        const map = wasmKeyMap({ startOffset: 0, secret, byteLength: 4096 });
        const twin = plainKeyMap(0, 204);
        expect(map.filter(spoilt, counted, 0, 1000, true) === undefined).toBe(
          twin.filter(spoilt, counted, 0, 1000, true) === undefined,
        );
        expect(map.put(spoilt, counted, 0) === undefined).toBe(twin.put(spoilt, counted, 0) === undefined);
      },
    ),
    { numRuns: 300 },
  );
});

test("[I8] a hundred thousand keys: the newest of each is known, none is taken for another, and the memory is what was given", () => {
  const map = wasmKeyMap({ startOffset: 0, secret, byteLength: 2 * 1024 * 1024 });
  const perBody = 1000;
  const keyOf = (number: number): Uint8Array => Uint8Array.of(number & 255, (number >> 8) & 255, number >> 16);
  const bodies = Array.from({ length: 110 }, (_, index) =>
    encodeRecords(Array.from({ length: perBody }, (__, at) => ({ key: keyOf(index * perBody + at), value: new Uint8Array(1) }))),
  );
  let full = -1;
  for (const [index, bytes] of bodies.entries()) {
    if (map.put(bytes, perBody, index * perBody)!.isFull) full = index;
    if (full >= 0) break;
  }
  expect([full, map.size]).toEqual([104, Math.floor(131_072 * 0.8)]);
  // The same keys a second time: all of the first are older, then all of the second are newest.
  for (let index = 0; index < 100; index++) {
    expect(map.put(bodies[index]!, perBody, 1_000_000 + index * perBody)).toMatchObject({ isFull: false });
  }
  for (let index = 0; index < 100; index++) {
    expect(map.filter(bodies[index]!, perBody, index * perBody, 2_000_000, true)!.recordCount).toBe(0);
    expect(map.filter(bodies[index]!, perBody, 1_000_000 + index * perBody, 2_000_000, true)!.recordCount).toBe(perBody);
  }
});
