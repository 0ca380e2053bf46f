/** What a broker writes into accepted batches, byte for byte: offsets and epoch outside the CRC, append time inside [D8]. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { kernel } from "../../kernel/kernel.ts";
import { type BatchSpec, concat, encodeBatch } from "./batch-builder.ts";

const options = { keysRequired: false, batchSizeMax: 1 << 20 };
const offset = fc.oneof(fc.nat(), fc.constantFrom(0, 2 ** 31 - 1, 2 ** 32 - 2, 2 ** 32, 2 ** 53 - 1000));
const specs: fc.Arbitrary<BatchSpec[]> = fc.array(
  fc.record({
    records: fc.array(fc.record({ value: fc.uint8Array({ maxLength: 40 }) }), { minLength: 1, maxLength: 9 }),
    attributes: fc.constantFrom(0, 16),
    producerId: fc.bigInt({ min: -1n, max: 2n ** 40n }),
  }),
  { minLength: 1, maxLength: 6 },
);

/** The same batches, encoded with their offsets from the start. */
function withOffsets(list: readonly BatchSpec[], baseOffset: number, leaderEpoch: number): Uint8Array {
  let next = baseOffset;
  return concat(
    list.map((spec) => {
      const batch = encodeBatch({ ...spec, baseOffset: BigInt(next), leaderEpoch });
      next += spec.records.length;
      return batch;
    }),
  );
}

const countOf = (list: readonly BatchSpec[]): number => list.reduce((sum, { records }) => sum + records.length, 0);

test("[D8] assigned offsets and epoch are as if encoded with them, and the CRCs still hold", () => {
  fc.assert(
    fc.property(specs, offset, fc.integer({ min: -1 }), (list, baseOffset, leaderEpoch) => {
      const records = concat(list.map(encodeBatch));
      expect(kernel.assignOffsets(records, baseOffset, leaderEpoch)).toBe(baseOffset + countOf(list));
      expect(records).toEqual(withOffsets(list, baseOffset, leaderEpoch));
      expect(kernel.batches(records).map((batch) => batch.baseOffset)[0]).toBe(baseOffset);
    }),
  );
});

test("log append time is as if encoded with it, the CRC included", () => {
  fc.assert(
    fc.property(specs, offset, (list, timestamp) => {
      const records = concat(list.map(encodeBatch));
      kernel.stampAppendTime(records, timestamp);
      const expected = list.map((spec) =>
        encodeBatch({ ...spec, attributes: spec.attributes! | 8, maxTimestamp: BigInt(timestamp) }),
      );
      expect(records).toEqual(concat(expected));
      expect(kernel.validate(records, options).ok).toBe(true);
    }),
  );
});

test("gather copies pieces one after the other, patched where a piece has a base offset, and leaves its inputs alone", () => {
  const piece = fc.record({ list: specs, baseOffset: fc.option(offset, { nil: undefined }), leaderEpoch: fc.nat() });
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 5 }), (pieces) => {
      const inputs = pieces.map(({ list }) => concat(list.map(encodeBatch)));
      const gathered = kernel.gather(pieces.map((each, index) => ({ ...each, bytes: inputs[index]! })));
      const expected = pieces.map(({ list, baseOffset, leaderEpoch }) =>
        baseOffset === undefined ? concat(list.map(encodeBatch)) : withOffsets(list, baseOffset, leaderEpoch),
      );
      expect(gathered).toEqual(concat(expected));
      expect(concat(inputs)).toEqual(concat(pieces.flatMap(({ list }) => list.map(encodeBatch))));
    }),
  );
});

describe("batch headers", () => {
  const spec: BatchSpec = {
    records: [{}, {}],
    baseOffset: 2n ** 40n + 5n,
    leaderEpoch: 9,
    attributes: 16 + 4,
    baseTimestamp: -5n,
    maxTimestamp: 2n ** 45n,
    producerId: 77n,
    producerEpoch: 3,
    baseSequence: 2 ** 31 - 1,
    count: 1,
    lastOffsetDelta: 6,
  };
  const batch = encodeBatch(spec);

  test("say what the bytes say; a compacted batch has fewer records than offsets", () => {
    expect(kernel.batches(concat([batch, batch]))[1]).toEqual({
      position: batch.length,
      size: batch.length,
      baseOffset: 2 ** 40 + 5,
      leaderEpoch: 9,
      attributes: 20,
      offsetCount: 7,
      recordCount: 1,
      baseTimestamp: -5,
      maxTimestamp: 2 ** 45,
      producerId: 77,
      producerEpoch: 3,
      baseSequence: 2 ** 31 - 1,
    });
  });

  test("[I9] a cut last batch is left out, wherever it is cut", () => {
    for (let cut = 1; cut <= batch.length; cut++) {
      expect(kernel.batches(concat([batch, batch]).subarray(0, 2 * batch.length - cut)).length).toBe(1);
      expect(kernel.assignOffsets(concat([batch, batch]).subarray(0, 2 * batch.length - cut), 0, 0)).toBe(7);
    }
  });

  test("[I9] noise gives none, and never throws", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        for (const { position, size } of kernel.batches(noise)) expect(position + size).toBeLessThanOrEqual(noise.length);
        kernel.assignOffsets(noise.slice(), 0, 0);
        kernel.stampAppendTime(noise.slice(), 0);
      }),
      { numRuns: 2000 },
    );
  });
});
