/** CRC-32C against RFC 3720's vectors, and the kernel against its twin for every small length and many alignments. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { kernel } from "../../kernel/kernel.ts";
import { twins } from "../../kernel/twins/twins.ts";
import { noise } from "./noise.ts";

const iscsiRead = Uint8Array.from(
  "01c00000000000000000000000000000140000000000040000000014000000182800000000000000020000000000000000".match(/../g)!.slice(0, 48),
  (pair) => parseInt(pair, 16),
);

const vectors: readonly (readonly [name: string, bytes: Uint8Array, crc: number])[] = [
  ["nothing", new Uint8Array(0), 0],
  ["the nine digits", new TextEncoder().encode("123456789"), 0xe3069283],
  ["32 zeros (RFC 3720 B.4)", new Uint8Array(32), 0x8a9136aa],
  ["32 ones (RFC 3720 B.4)", new Uint8Array(32).fill(255), 0x62a8ab43],
  ["32 counting up (RFC 3720 B.4)", Uint8Array.from({ length: 32 }, (_, index) => index), 0x46dd794e],
  ["32 counting down (RFC 3720 B.4)", Uint8Array.from({ length: 32 }, (_, index) => 31 - index), 0x113fdb5c],
  ["an iSCSI read command (RFC 3720 B.4)", iscsiRead, 0xd9963a56],
];

describe.each([
  ["kernel", kernel],
  ["twin", twins],
] as const)("CRC-32C of the %s", (_, subject) => {
  test.each(vectors)("%s", (_name, bytes, crc) => expect(subject.crc32c(bytes)).toBe(crc));
});

test("kernel and twin agree on every length up to 4 KiB", () => {
  const bytes = noise(4096 + 16, 1);
  for (let length = 0; length <= 4096; length++) {
    const view = bytes.subarray(length % 16, (length % 16) + length);
    if (kernel.crc32c(view) !== twins.crc32c(view)) expect.fail(`length ${length}`);
  }
});

test("kernel and twin agree at any length and alignment, across pieces", () => {
  const bytes = noise(3 << 20, 2);
  fc.assert(
    fc.property(
      fc.nat(1000),
      fc.oneof(fc.nat(20_000), fc.nat(800_000), fc.integer({ min: 262_000, max: 263_000 })),
      (start, length) => {
        const view = bytes.subarray(start, start + length);
        expect(kernel.crc32c(view)).toBe(twins.crc32c(view));
      },
    ),
    { numRuns: 300 },
  );
});

test("sparse inputs: one bit anywhere changes the CRC as the twin says", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60_000 }), fc.nat(), fc.nat(7), (length, at, bit) => {
      const bytes = new Uint8Array(length);
      bytes[at % length] = 1 << bit;
      expect(kernel.crc32c(bytes)).toBe(twins.crc32c(bytes));
    }),
    { numRuns: 500 },
  );
});
