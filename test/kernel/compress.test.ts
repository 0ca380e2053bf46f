/** What the compressors put out is what any decoder makes the input of: the kernel's, the plain twin's, the platform's. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compress } from "../../kernel/compress.ts";
import { decompress } from "../../kernel/decompress.ts";
import { twins } from "../../kernel/twins/twins.ts";
import { concat } from "./batch-builder.ts";
import { noise } from "./noise.ts";

const body = new Uint8Array(readFileSync(join(import.meta.dirname, "golden/java-none.bin"))).subarray(61);
const codecs = [
  ["none", 0],
  ["gzip", 1],
  ["snappy", 2],
  ["lz4", 3],
  ["zstd", 4],
] as const;

/** Runs, repeats and noise in turn: what match finders trip over. */
const stretch = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.tuple(fc.nat(255), fc.nat(700)).map(([byte, length]) => new Uint8Array(length).fill(byte)),
  fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 12 }), fc.nat(60)).map(([unit, times]) => concat(Array(times).fill(unit))),
  fc.nat(300).map((length) => noise(length, 7)),
);
const input = fc.oneof(
  fc.array(stretch, { maxLength: 30 }).map(concat),
  fc
    .tuple(fc.array(stretch, { maxLength: 12 }).map(concat), fc.integer({ min: 1, max: 40 }))
    .map(([unit, times]) => concat(Array(times).fill(unit))),
  fc.integer({ min: 65_500, max: 65_570 }).map((length) => noise(length, length)),
);

function expectSame(actual: Uint8Array, expected: Uint8Array): void {
  expect(Buffer.compare(actual, expected)).toBe(0);
}

describe.each(codecs)("%s", (_name, codec) => {
  test("makes text smaller and gives it back", async () => {
    const compressed = await compress(codec, body);
    if (codec !== 0) expect(compressed.length).toBeLessThan(body.length / 2);
    expectSame(await decompress(codec, compressed, body.length), body);
  });

  test("gives back nothing, one byte, and noise, which grows by little", async () => {
    for (const bytes of [new Uint8Array(0), Uint8Array.of(7), noise(300_000, 3)]) {
      const compressed = await compress(codec, bytes);
      expect(compressed.length).toBeLessThan(bytes.length * 1.02 + 64);
      expectSame(await decompress(codec, compressed, Math.max(1, bytes.length)), bytes);
    }
  });

  test("gives back anything", async () => {
    await fc.assert(
      fc.asyncProperty(input, async (bytes) => {
        const compressed = await compress(codec, bytes);
        expectSame(await decompress(codec, compressed, 1 << 24), bytes);
        if (codec === 2) expectSame(twins.decompressSnappy(compressed, 1 << 24), bytes);
        if (codec === 3) expectSame(twins.decompressLz4(compressed, 1 << 24), bytes);
      }),
      { numRuns: codec === 2 || codec === 3 ? 400 : 20 },
    );
  });
});
