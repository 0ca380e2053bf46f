/** What a broker accepts, rule by rule; then the kernel against its twin on sets that are good, mutated or noise [I9]. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { InvalidReason } from "../../kernel/interface.ts";
import { kernel } from "../../kernel/kernel.ts";
import { twins } from "../../kernel/twins/twins.ts";
import { type BatchSpec, concat, encodeBatch, encodeRecords, sealCrc, varint } from "./batch-builder.ts";
import { noise } from "./noise.ts";

const plain = { keysRequired: false, batchSizeMax: 1_048_588 };
const compacted = { keysRequired: true, batchSizeMax: 1_048_588 };
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const three: BatchSpec = { records: [{ value: bytes("a") }, { key: bytes("k"), value: null }, { headers: [[bytes("h"), null]] }] };
const keyed: BatchSpec = { records: [{ key: bytes("k"), value: bytes("v") }] };

function withBody(body: readonly number[], count = 1): Uint8Array {
  return encodeBatch({ records: [], body: Uint8Array.from(body), count, lastOffsetDelta: count - 1 });
}

function patched(spec: BatchSpec, patch: (view: DataView) => void): Uint8Array {
  const batch = encodeBatch(spec);
  patch(new DataView(batch.buffer));
  return batch;
}

const good = encodeBatch(three);
type Case = readonly [rule: string, set: Uint8Array, reason: InvalidReason, recordIndex: number, position: number];
const refused: readonly Case[] = [
  ["an empty set", new Uint8Array(0), "truncated", -1, 0],
  ["too short to have a magic", good.subarray(0, 16), "truncated", -1, 0],
  ["magic 0 and 1, before anything else", encodeBatch({ ...three, magic: 1 }).subarray(0, 20), "magic", -1, 0],
  ["a cut header", good.subarray(0, 60), "truncated", -1, 0],
  ["a cut body", good.subarray(0, -1), "truncated", -1, 0],
  ["a byte too many", concat([good, bytes("x")]), "truncated", -1, good.length],
  ["a batch length below the header's", patched(three, (view) => view.setInt32(8, 48)), "length", -1, 0],
  ["a negative batch length", patched(three, (view) => view.setInt32(8, -1)), "length", -1, 0],
  ["a wrong CRC", patched(three, (view) => view.setUint8(70, view.getUint8(70) ^ 1)), "crc", -1, 0],
  ["a base offset", encodeBatch({ ...three, baseOffset: 1n }), "base-offset", -1, 0],
  ["a base offset in the upper half", encodeBatch({ ...three, baseOffset: 1n << 40n }), "base-offset", -1, 0],
  ["an unknown codec", encodeBatch({ ...three, attributes: 5 }), "codec", -1, 0],
  ["a control batch", encodeBatch({ ...three, attributes: 32 }), "control", -1, 0],
  ["no records", encodeBatch({ records: [] }), "count", -1, 0],
  ["a negative count", encodeBatch({ ...three, count: -3, lastOffsetDelta: -4 }), "count", -1, 0],
  ["a count that is not lastOffsetDelta + 1", encodeBatch({ ...three, lastOffsetDelta: 3 }), "count", -1, 0],
  ["fewer records than counted", encodeBatch({ ...three, count: 4, lastOffsetDelta: 3 }), "count", 3, good.length],
  ["more records than counted", encodeBatch({ ...three, count: 2, lastOffsetDelta: 1 }), "count", 2, 77],
  ["offset deltas out of order", encodeBatch({ records: [{}, { offsetDelta: 2 }] }), "offset-delta", 1, 68],
  ["a record longer than the batch", withBody([14, 0, 0, 0, 1, 1, 0]), "length", 0, 61],
  ["a record with a negative length", withBody([1, 0, 0, 0, 1, 1, 0]), "length", 0, 61],
  ["a record not filled", withBody([14, 0, 0, 0, 1, 1, 0, 0]), "length", 0, 61],
  ["a key longer than the record", withBody([12, 0, 0, 0, 2, 1, 0]), "length", 0, 61],
  ["a key length below -1", withBody([12, 0, 0, 0, 3, 1, 0]), "length", 0, 61],
  ["a value longer than the record", withBody([12, 0, 0, 0, 1, 4, 0]), "length", 0, 61],
  ["more headers than the record holds", withBody([12, 0, 0, 0, 1, 1, 2]), "length", 0, 61],
  ["a negative number of headers", withBody([12, 0, 0, 0, 1, 1, 1]), "length", 0, 61],
  ["a header without a name", withBody([16, 0, 0, 0, 1, 1, 2, 1, 1]), "length", 0, 61],
  ["a varint of six bytes", withBody([255, 255, 255, 255, 255, 1, 0]), "length", 0, 61],
  ["a timestamp delta of eleven bytes", withBody([30, 0, ...Array<number>(10).fill(128), 0, 0, 1, 1]), "length", 0, 61],
  ["the second batch's fault, at its place", concat([good, encodeBatch({ ...three, attributes: 32 })]), "control", -1, good.length],
];

describe.each([
  ["kernel", kernel],
  ["twin", twins],
] as const)("the %s validates", (_, subject) => {
  test.each(refused)("refuses %s", (_rule, set, reason, recordIndex, position) => {
    const batchIndex = position === good.length && reason !== "count" ? 1 : 0;
    expect(subject.validate(set, plain)).toEqual({ ok: false, reason, batchIndex, recordIndex, position });
  });

  test("answers every batch's coordinates", () => {
    const second = encodeBatch({
      ...keyed,
      attributes: 24,
      producerId: 123_456_789_012n,
      producerEpoch: 7,
      baseSequence: 2_000_000_000,
    });
    const result = subject.validate(concat([good, second]), plain);
    const shared = { baseTimestamp: 1_700_000_000_000 };
    expect(result).toEqual({
      ok: true,
      batches: [
        {
          ...shared,
          position: 0,
          size: good.length,
          offsetCount: 3,
          attributes: 0,
          maxTimestamp: 1_700_000_000_002,
          recordsMaxTimestamp: 1_700_000_000_002,
          producerId: -1,
          producerEpoch: -1,
          baseSequence: -1,
        },
        {
          ...shared,
          position: good.length,
          size: second.length,
          offsetCount: 1,
          attributes: 24,
          maxTimestamp: 1_700_000_000_000,
          recordsMaxTimestamp: 1_700_000_000_000,
          producerId: 123_456_789_012,
          producerEpoch: 7,
          baseSequence: 2_000_000_000,
        },
      ],
    });
  });

  test("a compacted topic needs a key on every record", () => {
    expect(subject.validate(encodeBatch(keyed), compacted).ok).toBe(true);
    expect(subject.validate(good, compacted)).toMatchObject({ reason: "key-missing", batchIndex: 0, recordIndex: 0, position: 61 });
    expect(subject.validateBody(encodeRecords(keyed.records), 1, true)).toEqual({ ok: true, timestampDeltaMax: 0 });
    expect(subject.validateBody(encodeRecords(three.records), 3, true)).toEqual({
      ok: false,
      reason: "key-missing",
      recordIndex: 0,
      position: 0,
    });
  });

  test("the batch size limit includes the prologue", () => {
    expect(subject.validate(good, { ...plain, batchSizeMax: good.length }).ok).toBe(true);
    expect(subject.validate(good, { ...plain, batchSizeMax: good.length - 1 })).toMatchObject({ reason: "too-large", position: 0 });
  });

  test("the records' own max timestamp is told, whatever the header says, and the header can be corrected", () => {
    const lying = encodeBatch({
      records: [{ timestampDelta: 5 }, { timestampDelta: 70_000_000_000 }, { timestampDelta: -3 }],
      maxTimestamp: 1n,
    });
    const told = { maxTimestamp: 1, recordsMaxTimestamp: 1_770_000_000_000 };
    expect(subject.validate(lying, plain)).toMatchObject({ ok: true, batches: [told] });
    subject.correctMaxTimestamp(lying, told.recordsMaxTimestamp);
    expect(subject.validate(lying, plain)).toMatchObject({ ok: true, batches: [{ ...told, maxTimestamp: 1_770_000_000_000 }] });
    const compressed = encodeBatch({ ...three, attributes: 4, body: noise(50, 8), maxTimestamp: 77n });
    expect(subject.validate(compressed, plain)).toMatchObject({
      ok: true,
      batches: [{ maxTimestamp: 77, recordsMaxTimestamp: 77 }],
    });
  });

  test("compressed bodies are left to validateBody", () => {
    const compressed = encodeBatch({ ...three, attributes: 3, body: noise(100, 5) });
    expect(subject.validate(compressed, plain).ok).toBe(true);
    expect(subject.validateBody(encodeRecords(three.records), 3, false)).toEqual({ ok: true, timestampDeltaMax: 2 });
    expect(subject.validateBody(encodeRecords(three.records), 4, false)).toMatchObject({ reason: "count", recordIndex: 3 });
    expect(subject.validateBody(new Uint8Array(0), 1, false)).toMatchObject({ reason: "count", recordIndex: 0, position: 0 });
  });

  test("more batches than the coordinate table holds, and batches larger than scratch memory", () => {
    const many = concat(Array.from({ length: 1000 }, () => good));
    const result = subject.validate(many, plain);
    expect(result.ok && result.batches.map((batch) => batch.position)).toEqual(
      Array.from({ length: 1000 }, (_v, index) => index * good.length),
    );
    expect(subject.validate(concat([many, bytes("x")]), plain)).toMatchObject({
      reason: "truncated",
      batchIndex: 1000,
      position: many.length,
    });
    const large = encodeBatch({ records: [{ value: new Uint8Array(5 << 20) }] });
    const huge = subject.validate(concat([good, large, good]), { ...plain, batchSizeMax: 32 << 20 });
    expect(huge.ok && huge.batches.map(({ position }) => position)).toEqual([0, good.length, good.length + large.length]);
    large[5 << 20]! ^= 1;
    const broken = subject.validate(concat([good, large, good]), { ...plain, batchSizeMax: 32 << 20 });
    expect(broken).toEqual({ ok: false, reason: "crc", batchIndex: 1, recordIndex: -1, position: good.length });
  });
});

const maybeBytes = fc.option(fc.uint8Array({ maxLength: 200 }));
const record = fc.record({
  key: maybeBytes,
  value: maybeBytes,
  timestampDelta: fc.oneof(fc.integer(), fc.nat(100)),
  headers: fc.array(fc.tuple(fc.uint8Array({ maxLength: 10 }), maybeBytes), { maxLength: 3 }),
});
const batch = fc.record({
  records: fc.array(record, { minLength: 1, maxLength: 20 }),
  attributes: fc.constantFrom(0, 0, 0, 8, 16, 24),
  producerId: fc.bigInt({ min: -1n, max: 2n ** 52n }),
  baseTimestamp: fc.bigInt({ min: -(2n ** 52n), max: 2n ** 52n }),
  producerEpoch: fc.integer({ min: -1, max: 32_767 }),
  baseSequence: fc.integer({ min: -1 }),
});
const set = fc.array(batch, { minLength: 1, maxLength: 4 }).map((specs) => specs.map(encodeBatch));
const options = fc.record({ keysRequired: fc.boolean(), batchSizeMax: fc.constantFrom(1_048_588, 1_048_588, 300) });

test("kernel and twin agree on good sets", () => {
  fc.assert(
    fc.property(set, options, (batches, validateOptions) => {
      const whole = concat(batches);
      const verdict = twins.validate(whole, validateOptions);
      expect(kernel.validate(whole, validateOptions)).toEqual(verdict);
      expect(verdict.ok || verdict.reason === "key-missing" || verdict.reason === "too-large").toBe(true);
    }),
    { numRuns: 400 },
  );
});

const mutation = fc.tuple(
  fc.nat(),
  fc.constantFrom(1, 2, 4),
  fc.oneof(fc.nat(), fc.constantFrom(0, 255, 127, 128, 0x7fffffff, 0xffffffff)),
);

test.each([-1, -(2 ** 31), -(2 ** 31) - 1, -13_597_404_181, -(2 ** 40), 2 ** 31, 2 ** 40])(
  "the records' max timestamp is right however far it lies from the base: %s ms",
  (timestampDelta) => {
    const set = encodeBatch({ records: [{ timestampDelta }, { timestampDelta: timestampDelta - 1 }], baseTimestamp: 2n ** 42n });
    for (const one of [kernel, twins]) {
      expect(one.validate(set, plain)).toMatchObject({ ok: true, batches: [{ recordsMaxTimestamp: 2 ** 42 + timestampDelta }] });
    }
  },
);

test("[I9] kernel and twin agree on mutated sets, the CRC mended or not, and neither throws", () => {
  fc.assert(
    fc.property(
      set,
      fc.array(mutation, { minLength: 1, maxLength: 4 }),
      fc.boolean(),
      options,
      (drawn, mutations, mend, validateOptions) => {
        // Copies: what was drawn is told when it fails.
        const batches = drawn.map((batch) => batch.slice());
        for (const [at, width, value] of mutations) {
          const target = batches[at % batches.length]!;
          for (let index = 0; index < width; index++) target[(at + index) % target.length] = value >> (8 * index);
          if (mend) sealCrc(target);
        }
        const whole = concat(batches);
        expect(kernel.validate(whole, validateOptions)).toEqual(twins.validate(whole, validateOptions));
      },
    ),
    { numRuns: 3000 },
  );
});

const wideRecord = fc.record({
  key: fc.option(fc.nat(300).map((length) => new Uint8Array(length))),
  value: fc
    .oneof(fc.nat(60), fc.nat(2000), fc.nat(30_000), fc.integer({ min: 8100, max: 8200 }))
    .map((length) => noise(length, length)),
  timestampDelta: fc.integer(),
  headers: fc.array(
    fc.tuple(
      fc.constant(bytes("name")),
      fc.nat(9000).map((length) => new Uint8Array(length)),
    ),
    { maxLength: 2 },
  ),
});

test("[I9] kernel and twin agree on large batches, whose records lie across the pieces they pass through in", () => {
  fc.assert(
    fc.property(
      fc.array(wideRecord, { minLength: 1, maxLength: 40 }),
      fc.array(mutation, { maxLength: 2 }),
      (wideRecords, mutations) => {
        const body = encodeRecords(wideRecords);
        for (const [at, , value] of mutations) body[at % body.length] = value;
        const whole = encodeBatch({ records: wideRecords, body });
        expect(kernel.validate(whole, compacted)).toEqual(twins.validate(whole, compacted));
        expect(kernel.validateBody(body, wideRecords.length, false)).toEqual(twins.validateBody(body, wideRecords.length, false));
      },
    ),
    { numRuns: 300 },
  );
});

test("[I9] one mutated byte in the frame of a record is judged alike wherever a piece may end", () => {
  for (let shift = 8050; shift < 8260; shift++) {
    const wideRecords = [
      { value: new Uint8Array(shift) },
      { key: bytes("k"), value: new Uint8Array(300), headers: [[bytes("h"), null]] as const },
    ];
    const body = encodeRecords([...wideRecords, ...Array.from({ length: 40 }, () => ({ value: new Uint8Array(400) }))]);
    expect(kernel.validateBody(body, 42, false)).toMatchObject({ ok: true });
    for (const at of [shift + 9, shift + 10, shift + 11, shift + 13, shift + 14, shift + 16, shift + 318, shift + 320]) {
      const mutated = body.slice();
      mutated[at]! ^= 0x81;
      expect(kernel.validateBody(mutated, 42, false)).toEqual(twins.validateBody(mutated, 42, false));
    }
  }
});

test("[I9] kernel and twin agree on noise as a body", () => {
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.array(fc.oneof(fc.nat(20), fc.constantFrom(128, 255, 1)), { maxLength: 60 }).map((list) => Uint8Array.from(list)),
    fc.array(fc.integer().map(varint), { maxLength: 30 }).map((list) => Uint8Array.from(list.flat())),
  );
  fc.assert(
    fc.property(body, fc.integer({ min: -2, max: 5 }), fc.boolean(), (noiseBody, count, keysRequired) => {
      expect(kernel.validateBody(noiseBody, count, keysRequired)).toEqual(twins.validateBody(noiseBody, count, keysRequired));
    }),
    { numRuns: 5000 },
  );
});
