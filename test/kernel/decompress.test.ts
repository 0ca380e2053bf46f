/** Bodies that stock clients compressed, opened and compared record by record; then damaged ones, and ones that swell [I9]. */
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { attributeMask } from "../../kernel/batch-layout.ts";
import { decompress } from "../../kernel/decompress.ts";
import { DecompressError } from "../../kernel/decompress-error.ts";
import { kernel } from "../../kernel/kernel.ts";
import { twins } from "../../kernel/twins/twins.ts";
import { concat } from "./batch-builder.ts";
import { goldenRecords } from "./golden-records.ts";
import { noise } from "./noise.ts";

const folder = join(import.meta.dirname, "golden");
const files = readdirSync(folder).filter((name) => name.endsWith(".bin"));
const sizeMax = 4 << 20;
const codecNames = ["none", "gzip", "snappy", "lz4", "zstd"];
const golden = (name: string): Uint8Array => new Uint8Array(readFileSync(join(folder, name)));
const bodyOf = (set: Uint8Array): Uint8Array => set.subarray(61);
const plainBody = bodyOf(golden("java-none.bin"));
const decoder = new TextDecoder();

describe.each(files)("%s", (name) => {
  const set = golden(name);
  const [header] = kernel.batches(set);

  test("is valid, and its batch spans the set", () => {
    const options = { keysRequired: true, batchSizeMax: 1_048_588 };
    expect(kernel.validate(set, options)).toEqual(twins.validate(set, options));
    expect(kernel.validate(set, options)).toMatchObject({
      ok: true,
      batches: [{ size: set.length, offsetCount: goldenRecords.length }],
    });
  });

  test("opens to the records that the client was given", async () => {
    const codec = header!.attributes & attributeMask.codec;
    expect(name).toContain(codecNames[codec]!);
    const body = await decompress(codec, bodyOf(set), sizeMax);
    expect(kernel.validateBody(body, goldenRecords.length, true)).toMatchObject({ ok: true });
    const records = kernel.records({ ...header!, baseOffset: 1000 }, body);
    const read = records.map(({ key, value }) => ({ key: decoder.decode(key!), value: decoder.decode(value!) }));
    expect(read).toEqual(goldenRecords);
    expect(records.map(({ offset }) => offset)).toEqual(goldenRecords.map((_record, index) => 1000 + index));
    expect(Math.max(...records.map(({ timestamp }) => timestamp))).toBe(header!.maxTimestamp);
  });
});

const compressed = [
  ["gzip", 1, "java-gzip.bin"],
  ["snappy in xerial's framing", 2, "java-snappy.bin"],
  ["snappy raw", 2, "librdkafka-snappy.bin"],
  ["lz4", 3, "java-lz4.bin"],
  ["lz4 with linked blocks", 3, "librdkafka-lz4.bin"],
  ["zstd", 4, "java-zstd.bin"],
] as const;

async function outcome(codec: number, bytes: Uint8Array, limit: number): Promise<Uint8Array | string> {
  try {
    return await decompress(codec, bytes, limit);
  } catch (error) {
    if (error instanceof DecompressError) return error.fault;
    throw error;
  }
}

describe.each(compressed)("[I9] %s", (_name, codec, file) => {
  const body = bodyOf(golden(file));

  test("output is bounded to the byte", async () => {
    const { length } = await decompress(codec, body, sizeMax);
    expect(await outcome(codec, body, length)).toHaveLength(length);
    expect(await outcome(codec, body, length - 1)).toBe("too-large");
    expect(await outcome(codec, body, 0)).toBe("too-large");
  });

  test("a cut body is malformed", async () => {
    for (const length of [0, 1, 3, 6, 15, 17, 40, body.length >> 1, body.length - 9]) {
      expect(await outcome(codec, body.subarray(0, length), sizeMax)).toBe("malformed");
    }
  });
});

test("[I9] a bomb is stopped at the limit", async () => {
  expect(await outcome(1, gzipSync(new Uint8Array(64 << 20)), 1 << 20)).toBe("too-large");
});

/** Its table of weights has one symbol of all probability, which takes no bits: a decoder that waits for the bits to end never does. */
const endlessZstd = Uint8Array.from([
  0x28,
  0xb5,
  0x2f,
  0xfd,
  0x20,
  100,
  0xbd,
  0x01,
  0x00,
  0x42,
  0xc6,
  0x0c,
  20,
  0xf0,
  0x03,
  ...Array<number>(18).fill(0xff),
  ...Array<number>(30).fill(0x55),
  0,
]);

test("[I9] a Zstandard frame that never ends is malformed", async () => {
  expect(await outcome(4, endlessZstd, sizeMax)).toBe("malformed");
});

test("[I9] an unknown codec is said to be one", async () => expect(await outcome(5, plainBody, sizeMax)).toBe("codec"));

const decoders = [
  ["snappy in xerial's framing", "decompressSnappy", "java-snappy.bin"],
  ["snappy raw", "decompressSnappy", "librdkafka-snappy.bin"],
  ["lz4", "decompressLz4", "java-lz4.bin"],
  ["lz4 with linked blocks", "decompressLz4", "librdkafka-lz4.bin"],
] as const;

function verdict(run: () => Uint8Array): Buffer | string {
  try {
    return Buffer.from(run());
  } catch (error) {
    if (error instanceof DecompressError) return error.fault;
    throw error;
  }
}

/** Compared as a whole: element by element, the matcher would take longer than all else. */
function expectAgreement(method: "decompressLz4" | "decompressSnappy", bytes: Uint8Array, limit: number): void {
  const byKernel = verdict(() => kernel[method](bytes, limit));
  const byTwin = verdict(() => twins[method](bytes, limit));
  if (typeof byKernel === "string" || typeof byTwin === "string") expect(byKernel).toBe(byTwin);
  else expect(byKernel.equals(byTwin)).toBe(true);
}

const mutations = fc.array(fc.tuple(fc.nat(), fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 127, 128, 254, 255))), {
  minLength: 1,
  maxLength: 6,
});

describe.each(decoders)("[I9] kernel and twin agree on %s", (_name, method, file) => {
  const body = bodyOf(golden(file)).subarray();

  test("mutated", () => {
    fc.assert(
      fc.property(mutations, fc.boolean(), fc.constantFrom(sizeMax, 67_320, 40_000), (changes, nearTheFront, limit) => {
        const bytes = body.slice();
        for (const [at, value] of changes) bytes[at % (nearTheFront ? 64 : bytes.length)] = value;
        expectAgreement(method, bytes, limit);
      }),
      { numRuns: 600 },
    );
  });
});

const frameHead = Uint8Array.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82]);
const word = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);
const lz4Frame = (blocks: readonly Uint8Array[]): Uint8Array =>
  concat([frameHead, ...blocks.flatMap((block) => [word(block.length), block]), word(0)]);

test("[I9] kernel and twin agree on noise for blocks and elements", () => {
  const small = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.array(fc.oneof(fc.nat(40), fc.nat(255)), { maxLength: 80 }).map((list) => Uint8Array.from(list)),
  );
  fc.assert(
    fc.property(fc.array(small, { minLength: 1, maxLength: 3 }), fc.constantFrom(sizeMax, 100, 10), (blocks, limit) => {
      const filled = blocks.filter(({ length }) => length > 0);
      expectAgreement("decompressLz4", lz4Frame(filled), limit);
      expectAgreement("decompressSnappy", concat(blocks), limit);
    }),
    { numRuns: 5000 },
  );
});

test("matches of every distance up to 40 and many lengths", () => {
  for (let distance = 1; distance <= 40; distance++) {
    for (const length of [4, 5, 15, 16, 17, 18, 19, 31, 33, 47, 64, 100, 273]) {
      const literals = noise(distance, distance);
      const extended = (count: number): number[] =>
        count < 15 ? [] : [...Array<number>(Math.floor((count - 15) / 255)).fill(255), (count - 15) % 255];
      const token = (Math.min(distance, 15) << 4) | Math.min(length - 4, 15);
      const block = [token, ...extended(distance), ...literals, distance, 0, ...extended(length - 4), 16, 77];
      const expected = Uint8Array.from([
        ...Array.from({ length: distance + length }, (_, index) => literals[index % distance]!),
        77,
      ]);
      const frame = lz4Frame([Uint8Array.from(block)]);
      expect(kernel.decompressLz4(frame, sizeMax)).toEqual(expected);
      expect(twins.decompressLz4(frame, sizeMax)).toEqual(expected);
    }
  }
});

test("stored blocks are history for those behind them", () => {
  const stored = noise(65_536, 9);
  const storedBlock = concat([word(0x8000_0000 + stored.length), stored]);
  // No literals, a match of 20 bytes from 65535 back, then one literal.
  const match = Uint8Array.from([0x0f, 0xff, 0xff, 1, 0x10, 5]);
  const frame = concat([frameHead, storedBlock, storedBlock, word(match.length), match, word(0)]);
  const expected = concat([stored, stored, stored.subarray(1, 21), Uint8Array.of(5)]);
  expect(Buffer.compare(kernel.decompressLz4(frame, sizeMax), expected)).toBe(0);
  expect(Buffer.compare(twins.decompressLz4(frame, sizeMax), expected)).toBe(0);
});
