/** What a merge holds at one time: under 32 MiB for the nastiest claims, counted while they are carried out; and the count can fail. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { combineCrc } from "../../../core/merge/combine-crc.ts";
import { type CopiedPiece, MergeCopy } from "../../../core/merge/copy.ts";
import { HeldBytes, mergerBytesMax, windowBytesOf } from "../../../core/merge/held-bytes.ts";
import { windowsOf } from "../../../core/merge/windows.ts";
import type { MergeClaim, MergeInput } from "../../../core/coordinator.ts";
import { writeMerged } from "../../../durable-objects/merge-work.ts";
import { batchField, viewOf } from "../../../kernel/batch-layout.ts";
import { kernel } from "../../../kernel/kernel.ts";
import { concat, encodeBatch } from "../../kernel/batch-builder.ts";
import { at } from "./merge-subject.ts";

const mib = 1024 * 1024;

interface Nasty {
  readonly title: string;
  readonly kind?: "merged" | "segment";
  readonly batches: readonly { readonly valueBytes: number; readonly perInput?: number; readonly inline?: boolean }[];
  readonly partitions?: number;
}

const nasty: readonly Nasty[] = [
  { title: "one batch of 100 MiB", batches: [{ valueBytes: 100 * mib }] },
  {
    title: "one batch of 40 MiB in a segment, between small ones",
    kind: "segment",
    batches: [100, 40 * mib, 100].map((valueBytes) => ({ valueBytes })),
  },
  {
    title: "16 500 extents, each of another partition, and a footer of as many",
    batches: Array.from({ length: 16_500 }, () => ({ valueBytes: 3000 })),
    partitions: 16_500,
  },
  { title: "a long extent of many batches", batches: [{ valueBytes: 20_000, perInput: 3500 }] },
  {
    title: "4 MiB of inline records beside full windows",
    batches: [
      ...Array.from({ length: 40 }, () => ({ valueBytes: 100_000, inline: true })),
      ...Array.from({ length: 30 }, () => ({ valueBytes: 2 * mib })),
    ],
  },
  {
    title: "a segment of tiny batches",
    kind: "segment",
    batches: Array.from({ length: 4 }, () => ({ valueBytes: 4100, perInput: 4000 })),
  },
];

/** A store that has every range of one large object, and keeps nothing of what is put but its checksum. */
function nastyStore(object: Uint8Array) {
  const written: { bytes: number; crc: number } = { bytes: 0, crc: 0 };
  const add = (piece: Uint8Array): void => {
    written.crc = combineCrc(written.crc, kernel.crc32c(piece) >>> 0, piece.length);
    written.bytes += piece.length;
  };
  return {
    written,
    get: async (_key: string, range?: { start: number; length: number }) =>
      object.slice(range!.start, range!.start + range!.length),
    put: async () => {},
    putStream: async (_key: string, _length: number | undefined, chunks: AsyncIterable<Uint8Array>) => {
      for await (const chunk of chunks) add(chunk);
    },
  };
}

function claimOf({ kind = "merged", batches, partitions = 1 }: Nasty): { claim: MergeClaim; object: Uint8Array } {
  const pieces: Uint8Array[] = [];
  let byteStart = 0;
  const inputs: MergeInput[] = [];
  const offsets = new Map<number, number>();
  for (const [index, { valueBytes, perInput = 1, inline }] of batches.entries()) {
    const one = encodeBatch({ records: [{ value: new Uint8Array(valueBytes).fill(index) }] });
    const bytes = perInput === 1 ? one : concat(Array.from({ length: perInput }, () => one));
    const partition = index % partitions;
    const baseOffset = offsets.get(partition) ?? 0;
    const nextOffset = baseOffset + perInput;
    offsets.set(partition, nextOffset);
    const extent = { ...at(partition), baseOffset, nextOffset, leaderEpoch: 5, maxTimestamp: 1, byteLength: bytes.length };
    if (inline === true) inputs.push({ ...extent, key: "", byteStart: 0, records: bytes });
    else {
      inputs.push({ ...extent, key: "wal/0/1/1", byteStart });
      pieces.push(bytes);
      byteStart += bytes.length;
    }
  }
  return {
    claim: { kind, number: 1, cell: 3, key: kind === "segment" ? "segment/t/0/0-3-1.log" : "merged/3/1-1", inputs },
    object: concat(pieces),
  };
}

test.each(nasty)("[I8] [D11] a merge holds under 32 MiB: $title", { timeout: 120_000 }, async (given) => {
  const { claim, object } = claimOf(given);
  const store = nastyStore(object);
  const outcome = await writeMerged(claim, store, kernel);
  expect(outcome.damage).toEqual([]);
  expect(store.written.bytes).toBe(outcome.byteLength);
  expect(outcome.heldBytes).toBeGreaterThan(Math.min(mib, object.length));
  expect(outcome.heldBytes).toBeLessThanOrEqual(mergerBytesMax);
});

test("[I8] [D11] the count would show a window that is too large for its claim", () => {
  const { claim } = claimOf(nasty[2]!);
  const read = (bytesMax: number): number =>
    Math.max(
      ...[...windowsOf(claim.inputs, bytesMax)].map(({ reads }) => reads.reduce((sum, { start, end }) => sum + end - start, 0)),
    );
  const held = (bytesMax: number): number => {
    const count = new HeldBytes();
    count.take(mergerBytesMax - windowBytesOf(claim, Infinity));
    count.take(read(bytesMax));
    return count.peak;
  };
  expect(held(windowBytesOf(claim, 24 * mib))).toBeLessThanOrEqual(mergerBytesMax);
  expect(held(Infinity)).toBeGreaterThan(mergerBytesMax);
  expect(() => new HeldBytes().give(1)).toThrow("more were given back");
});

test("[I8] [D11] however the bytes are cut, the same goes through, and every damage is found", () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 6 });
  const cuts = fc.array(fc.integer({ min: 1, max: 150 }), { minLength: 1, maxLength: 40 });
  const damages = fc.option(fc.nat(1e6), { nil: undefined });
  fc.assert(
    fc.property(sizes, cuts, damages, fc.constantFrom(0, 200, 1e6), (valueBytes, lengths, damage, wholeBytesMax) => {
      const bytes = concat(valueBytes.map((length) => encodeBatch({ records: [{ value: new Uint8Array(length) }] })));
      const input: MergeInput = {
        ...at(0),
        baseOffset: 7,
        nextOffset: 7 + valueBytes.length,
        leaderEpoch: 2,
        maxTimestamp: 1,
        byteLength: bytes.length,
        key: "k",
        byteStart: 0,
      };
      const claim: MergeClaim = { kind: "merged", number: 1, cell: 3, key: "merged/3/1-1", inputs: [input] };
      const [{ bytes: whole }] = new MergeCopy(claim, (piece) => kernel.crc32c(piece)).push(bytes.slice()) as [CopiedPiece];
      const given = bytes.slice();
      // Offsets and leader epochs are written anew: damage there is no damage.
      const batch = kernel.batches(bytes)[(damage ?? 0) % valueBytes.length]!;
      if (damage !== undefined) given[batch.position + batchField.magic + (damage % (batch.size - batchField.magic))]! ^= 1;
      const cut = new MergeCopy(claim, (piece) => kernel.crc32c(piece), wholeBytesMax);
      const out: CopiedPiece[] = [];
      let found: string | undefined;
      for (let position = 0, turn = 0; position < given.length && found === undefined; turn++) {
        const end = Math.min(given.length, position + lengths[turn % lengths.length]!);
        const result = cut.push(given.slice(position, end));
        if ("message" in result) found = result.message;
        else for (const piece of result) out.push({ ...piece, bytes: piece.bytes.slice() });
        position = end;
      }
      if (damage !== undefined) {
        expect(found).toBeDefined();
        return;
      }
      expect(found).toBeUndefined();
      expect(concat(out.map((piece) => piece.bytes))).toEqual(whole);
      // What is small enough comes as whole batches.
      const batches = out.flatMap((piece) => (piece.of === "batches" ? kernel.batches(piece.bytes) : []));
      const small = kernel.batches(whole).filter(({ size }) => size <= wholeBytesMax).length;
      expect(batches.length).toBeGreaterThanOrEqual(small);
      expect(cut.footer().length).toBeGreaterThan(0);
      expect(viewOf(whole).getInt32(batchField.leaderEpoch)).toBe(2);
    }),
    { numRuns: 300 },
  );
});

test("the CRC of two pieces follows from theirs", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 300 }), (left, right) => {
      const whole = kernel.crc32c(concat([left, right])) >>> 0;
      expect(combineCrc(kernel.crc32c(left) >>> 0, kernel.crc32c(right) >>> 0, right.length)).toBe(whole);
    }),
  );
});
