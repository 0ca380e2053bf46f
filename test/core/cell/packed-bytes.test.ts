/** Numbers as a leader's rows spell them: every one comes back, and what is no number of ours is refused at either end. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { PackedReader, PackedWriter } from "../../../core/cell/packed-bytes.ts";

const edges = [
  0,
  1,
  127,
  128,
  ...[14, 21, 28, 30, 31, 32, 35, 42, 49, 53].flatMap((bits) => [2 ** bits - 1, 2 ** bits, 2 ** bits + 1]),
];
const uint = fc.oneof(fc.maxSafeNat(), fc.nat(300), fc.constantFrom(...edges.filter((value) => value < 2 ** 53)));
const int = fc.tuple(uint, fc.boolean()).map(([value, negative]) => (negative ? -1 : 1) * Math.min(value, 2 ** 52 - 1) || 0);

test("[D6] every number up to 2^53 comes back, in as few bytes as it has sevens of bits", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(uint, int), { maxLength: 50 }), (pairs) => {
      const out = new PackedWriter(1);
      for (const [unsigned, signed] of pairs) {
        const before = out.length;
        out.uint(unsigned);
        expect(out.length - before).toBe(Math.max(1, Math.ceil(unsigned.toString(2).length / 7)));
        out.int(signed);
      }
      const reader = new PackedReader(out.finish());
      for (const [unsigned, signed] of pairs) expect([reader.uint(), reader.int()]).toEqual([unsigned, signed]);
      expect(reader.atEnd).toBe(true);
    }),
  );
});

test.each([-1, 0.5, 2 ** 53, Number.NaN, Infinity])("%d is not written", (value) => {
  expect(() => new PackedWriter().uint(value)).toThrow("cannot be written");
});

test.each([
  ["nothing", []],
  ["a number that is cut", [0x80]],
  ["a long number that is cut", [0xff, 0xff, 0xff, 0xff, 0xff]],
  ["a number of nine bytes", [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]],
])("[I9] %s is damage", (_, bytes) => {
  expect(() => new PackedReader(new Uint8Array(bytes)).uint()).toThrow("cut or too long");
});

test("[I9] bytes that are longer than the row are damage", () => {
  expect(() => new PackedReader(new Uint8Array([5, 1, 2])).bytes()).toThrow("cut");
});
