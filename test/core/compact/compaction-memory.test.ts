/**
 * What a compaction holds, for inputs that would make it hold much: batches of any size, bodies that decompress to anything, more records
 * than bytes, claims that are heavy themselves. What is not looked into stays whole, and the rest is compacted around it.
 */
import { describe, expect, test } from "vitest";
import { noneSeen } from "../../../core/compact/cleaned-transactions.ts";
import type { Compaction, MergeClaim, MergeInput } from "../../../core/coordinator.ts";
import { bodyBytesIn, compactionBytes, lookBytesOf, mergerBytesMax } from "../../../core/merge/held-bytes.ts";
import { writeCompacted } from "../../../durable-objects/compact-work.ts";
import { attributeMask } from "../../../kernel/batch-layout.ts";
import { compress } from "../../../kernel/compress.ts";
import { decompress } from "../../../kernel/decompress.ts";
import type { BatchHeader } from "../../../kernel/interface.ts";
import { kernel } from "../../../kernel/kernel.ts";
import { MemoryObjectStore } from "../../../storage/memory.ts";
import { concat, encodeBatch, encodeRecords, type RecordSpec } from "../../kernel/batch-builder.ts";

const mib = 1024 * 1024;
const ref = { topicId: "5f0c9a52-6d7b-4a51-9d0e-0a1b2c3d4e5f", partition: 0 };
const keyOf = (text: string): Uint8Array => new TextEncoder().encode(text);

interface Batch {
  readonly records: readonly RecordSpec[];
  readonly codec?: number;
  readonly transactional?: boolean;
}

/** Noise: no codec makes it smaller. */
function noise(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0, state = seed + 1; index < length; index++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    bytes[index] = state >>> 16;
  }
  return bytes;
}

const record = (key: string, value: Uint8Array | null): RecordSpec => ({ key: keyOf(key), value });
const filled = (length: number): Uint8Array => new Uint8Array(length).fill(7);
/** What is overwritten behind all that a case is about. */
const before: Batch = { records: [record("a", filled(10)), record("b", filled(10)), record("large", filled(10))] };
const after: Batch = { records: [record("a", filled(20)), record("c", filled(10))] };

async function encoded({ records, codec = 0, transactional = false }: Batch, baseOffset: number): Promise<Uint8Array> {
  const body = codec === 0 ? undefined : await compress(codec, encodeRecords(records));
  return encodeBatch({
    records,
    baseOffset: BigInt(baseOffset),
    leaderEpoch: 0,
    attributes: codec | (transactional ? attributeMask.transactional : 0),
    ...(transactional && { producerId: 9n, producerEpoch: 0, baseSequence: 0 }),
    ...(body !== undefined && { body }),
  });
}

interface Compacted {
  readonly heldBytes: number;
  readonly batches: readonly { readonly header: BatchHeader; readonly bytes: Uint8Array }[];
  readonly written: ReadonlyMap<number, Uint8Array>;
}

async function compacted(batches: readonly Batch[], more: Partial<Compaction> = {}, inputBytes = Infinity): Promise<Compacted> {
  const store = new MemoryObjectStore();
  const inputs: MergeInput[] = [];
  const written = new Map<number, Uint8Array>();
  let nextOffset = 0;
  let pending: Uint8Array[] = [];
  let from = 0;
  const end = async (): Promise<void> => {
    const key = `wal/0/1/${inputs.length}`;
    const bytes = concat(pending);
    await store.put(key, bytes);
    inputs.push({
      ...ref,
      key,
      byteStart: 0,
      byteLength: bytes.length,
      baseOffset: from,
      nextOffset,
      leaderEpoch: 0,
      maxTimestamp: 1,
    });
    pending = [];
    from = nextOffset;
  };
  for (const batch of batches) {
    const bytes = await encoded(batch, nextOffset);
    written.set(nextOffset, bytes);
    nextOffset += batch.records.length;
    pending.push(bytes);
    if (pending.reduce((sum, { length }) => sum + length, 0) >= inputBytes) await end();
  }
  if (pending.length > 0) await end();
  const compaction: Compaction = {
    round: 1,
    dirty: inputs,
    startOffset: 0,
    endOffset: nextOffset,
    nowMs: 1_700_000_100_000,
    deleteRetentionMs: 1000,
    aborted: [],
    lastRecords: [],
    seen: noneSeen,
    ...more,
  };
  const claim: MergeClaim = { kind: "compacted", number: 1, cell: 3, key: "segment/t/0/0-3-1.log", inputs, compaction };
  const outcome = await writeCompacted(claim, store, kernel, { secret: [3, 1, 4, 1] });
  expect(outcome.damage).toEqual([]);
  const log = (await store.get(claim.key))!;
  expect(log.length).toBe(outcome.byteLength);
  expect(outcome.compacted!.extents.reduce((sum, { byteLength }) => sum + byteLength, 0)).toBe(log.length);
  const left = kernel
    .batches(log)
    .map((header) => ({ header, bytes: log.subarray(header.position, header.position + header.size) }));
  expect(left.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBe(log.length);
  return { heldBytes: outcome.heldBytes!, batches: left, written };
}

async function keysOf({ header, bytes }: Compacted["batches"][number]): Promise<string[]> {
  const body = await decompress(header.attributes & attributeMask.codec, bytes.subarray(61), 1 << 30);
  return kernel.records(header, body).map(({ key }) => new TextDecoder().decode(key!));
}

const codecs = [0, 1, 2, 3, 4];
const manyTombstones = Array.from({ length: 250_000 }, (_, index) => record(`k${index % 9}`, null));

/** Cases that are kept whole, and those that are small enough to be looked into, though each was made to take much. */
const cases: readonly {
  readonly title: string;
  readonly codec: number;
  readonly records: readonly RecordSpec[];
  readonly isWhole: boolean;
}[] = [
  ...codecs.map((codec) => ({
    title: `14 MiB of noise in one record, codec ${codec}`,
    codec,
    records: [record("large", noise(14 * mib, codec))],
    isWhole: true,
  })),
  ...codecs.slice(1).map((codec) => ({
    title: `64 MiB of nothing in one record, codec ${codec}`,
    codec,
    records: [record("large", new Uint8Array(64 * mib))],
    isWhole: true,
  })),
  ...codecs.map((codec) => ({
    title: `2 MiB of noise, codec ${codec}`,
    codec,
    records: [record("large", noise(mib, codec)), record("a", noise(mib, codec))],
    isWhole: false,
  })),
  ...codecs.map((codec) => ({
    title: `a quarter of a million deletions, codec ${codec}`,
    codec,
    records: manyTombstones,
    isWhole: false,
  })),
];

describe("[I8] [I12] a compaction holds under 32 MiB", () => {
  test.each(cases)("$title", { timeout: 120_000 }, async ({ codec, records, isWhole }) => {
    const { heldBytes, batches, written } = await compacted([before, { records, codec }, after]);
    expect(heldBytes).toBeGreaterThan(compactionBytes.map);
    expect(heldBytes).toBeLessThanOrEqual(mergerBytesMax);
    const large = batches.find(
      ({ header }) => header.baseOffset >= 3 && header.baseOffset + header.offsetCount === 3 + records.length,
    );
    const first = await keysOf(batches[0]!);
    expect(await keysOf(batches.at(-1)!)).toEqual(["a", "c"]);
    if (isWhole) {
      expect(Buffer.compare(large!.bytes, written.get(3)!)).toBe(0);
      // It overwrites nothing, and is not overwritten.
      expect(first).toEqual(["b", "large"]);
    } else expect(first).toEqual(records === manyTombstones ? ["b", "large"] : ["b"]);
  });

  test("whatever the claim itself takes", { timeout: 120_000 }, async () => {
    const small = Array.from({ length: 5000 }, (_, index): Batch => ({ records: [record(`k${index % 100}`, filled(20))] }));
    const lastRecords = Array.from({ length: 30_000 }, (_, index) => ({ producerId: index, producerEpoch: 0, offset: -1 }));
    const large = { records: [record("large", noise(2 * mib, 1)), record("k1", noise(mib, 2))] };
    const { heldBytes, batches } = await compacted([...small, large, after], { lastRecords }, 1);
    expect(heldBytes).toBeLessThanOrEqual(mergerBytesMax);
    expect(batches.length).toBeLessThan(120);
  });

  test("a large batch that was aborted goes all the same, piece by piece", async () => {
    const aborted = [{ producerId: 9, firstOffset: 3, lastOffset: 4 }];
    const large = { records: [record("large", noise(14 * mib, 1))], transactional: true };
    const { heldBytes, batches } = await compacted([before, large, after], { aborted });
    expect(heldBytes).toBeLessThanOrEqual(mergerBytesMax);
    expect(batches.map(({ header }) => header.baseOffset)).toEqual([0, 4]);
    expect(await keysOf(batches[0]!)).toEqual(["b", "large"]);
  });

  test("the count would show a body that there is no room for", () => {
    const header = { size: 3 * mib, recordCount: 1000 } as BatchHeader;
    for (const codec of [0, 4]) {
      for (const room of [4 * mib, 8 * mib, 12 * mib]) {
        const most = bodyBytesIn(room, header, codec);
        expect(lookBytesOf(header, codec, Math.max(0, most))).toBeLessThanOrEqual(room);
        expect(lookBytesOf(header, codec, compactionBytes.bodyMax + 1)).toBeGreaterThan(
          most === compactionBytes.bodyMax ? 0 : room,
        );
      }
    }
  });
});
