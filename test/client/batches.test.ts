/** Batches as the producer writes them and the consumer reads them: held against each other and against the kernel's judge. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BatchWriter, recordSizeMax, stampBatch, writtenAround } from "../../client/records/batch-writer.ts";
import { RecordCursor, openBatch, visibleBatches } from "../../client/records/batch-reader.ts";
import type { Header } from "../../client/records/record.ts";
import { attributeMask, batchField, writeInt64 } from "../../kernel/batch-layout.ts";
import { compress } from "../../kernel/compress.ts";
import { kernel } from "../../kernel/kernel.ts";
import { encodeRequest } from "../../protocol/codec.ts";
import { produce } from "../../protocol/messages/00-produce.ts";

interface Plain {
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly Header[];
}

const some = fc.option(fc.uint8Array({ maxLength: 300 }), { nil: null });
const record: fc.Arbitrary<Plain> = fc.record({
  timestamp: fc.oneof(fc.integer({ min: 1_700_000_000_000, max: 1_700_000_100_000 }), fc.integer({ min: 0, max: 2 ** 52 })),
  key: some,
  value: some,
  headers: fc.array(fc.record({ key: fc.string(), value: some }), { maxLength: 3 }),
});

async function batchOf(records: readonly Plain[], codec = 0, stamp: object = {}): Promise<Uint8Array> {
  const writer = new BatchWriter();
  for (const { timestamp, key, value, headers } of records) writer.append(timestamp, key, value, headers);
  const sealed = writer.seal(codec === 0 ? undefined : await compress(codec, writer.body));
  stampBatch(sealed, { codec, isTransactional: false, producerId: -1, producerEpoch: -1, baseSequence: -1, ...stamp });
  return sealed;
}

async function read(set: Uint8Array): Promise<Plain[]> {
  const found: Plain[] = [];
  for (const batch of visibleBatches(set, null).visible) {
    const cursor = new RecordCursor(batch.header, await openBatch(batch));
    while (cursor.next()) {
      const { timestamp, key, value } = cursor;
      found.push({ timestamp, key: key && key.slice(), value: value && value.slice(), headers: cursor.headers() });
    }
  }
  return found;
}

describe("a written batch", () => {
  test("has room for its request around it: one piece of the same bytes, and again for another attempt", async () => {
    for (const codec of [0, 3]) {
      const value = new Uint8Array(3000).map((_, index) => index * index);
      const batch = await batchOf([{ timestamp: 5, key: null, value, headers: [] }], codec);
      const bytes = batch.slice();
      for (const clientId of ["kante", "an id that is longer"]) {
        const topicData = [
          { name: "t", topicId: "00000000-0000-0000-0000-000000000001", partitionData: [{ index: 3, records: batch }] },
        ];
        const body = { transactionalId: null, acks: -1, timeoutMs: 9, topicData };
        for (const version of [9, 13]) {
          const whole = Buffer.concat(encodeRequest(produce, version, 7, clientId, body));
          const pieces = writtenAround(batch, encodeRequest(produce, version, 7, clientId, body));
          expect(pieces.map((piece) => Buffer.from(piece).equals(whole))).toEqual([true]);
          expect(Buffer.from(batch).equals(bytes)).toBe(true);
        }
        // Nothing is overwritten for which there is no room.
        const large = encodeRequest(produce, 13, 7, "x".repeat(600), body);
        expect(writtenAround(batch, large)).toBe(large);
      }
    }
  });

  test("is sound to the kernel, no larger than it was reckoned, and reads as what was written, in every codec", async () => {
    const property = fc.asyncProperty(
      fc.array(record, { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 0, max: 4 }),
      async (records, codec) => {
        const batch = await batchOf(records, codec, { producerId: 2 ** 40, producerEpoch: 7, baseSequence: 99 });
        const validated = kernel.validate(batch, { keysRequired: false, batchSizeMax: 1 << 24 });
        expect(validated).toMatchObject({
          ok: true,
          batches: [
            {
              offsetCount: records.length,
              producerId: 2 ** 40,
              producerEpoch: 7,
              baseSequence: 99,
              maxTimestamp: Math.max(...records.map(({ timestamp }) => timestamp)),
            },
          ],
        });
        const reckoned = records.reduce<number>(
          (sum, { key, value, headers }) => sum + recordSizeMax(key, value, headers),
          batchField.records,
        );
        if (codec === 0) expect(batch.byteLength).toBeLessThanOrEqual(reckoned);
        expect(await read(batch)).toEqual(records);
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });

  test("may be stamped again for another attempt", async () => {
    const batch = await batchOf([{ timestamp: 1, key: null, value: null, headers: [] }]);
    stampBatch(batch, { codec: 0, isTransactional: true, producerId: 5, producerEpoch: 6, baseSequence: 7 });
    expect(kernel.validate(batch, { keysRequired: false, batchSizeMax: 1000 })).toMatchObject({
      ok: true,
      batches: [{ producerId: 5, producerEpoch: 6, baseSequence: 7, attributes: attributeMask.transactional }],
    });
  });
});

/** As a log holds it. */
async function stored(
  baseOffset: number,
  texts: readonly string[],
  stamp: { producerId?: number; isTransactional?: boolean; isControl?: boolean } = {},
) {
  const records = texts.map((text) => ({ timestamp: 1, key: null, value: new TextEncoder().encode(text), headers: [] }));
  const batch = await batchOf(records, 0, { producerEpoch: 0, ...stamp });
  const view = new DataView(batch.buffer, batch.byteOffset);
  writeInt64(view, batchField.baseOffset, baseOffset);
  if (stamp.isControl === true) {
    view.setInt16(batchField.attributes, attributeMask.transactional | attributeMask.control);
    view.setUint32(batchField.crc, kernel.crc32c(batch.subarray(batchField.attributes)));
  }
  return batch;
}

function join(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

describe("what a reader may see", () => {
  const one = { producerId: 1, isTransactional: true };
  const two = { producerId: 2, isTransactional: true };
  const log = async () =>
    join(
      await stored(0, ["plain"]),
      await stored(1, ["one aborted"], one),
      await stored(2, ["two committed"], two),
      await stored(3, ["abort of one"], { ...one, isControl: true }),
      await stored(4, ["one committed"], one),
      await stored(5, ["commit of two"], { ...two, isControl: true }),
      await stored(6, ["commit of one"], { ...one, isControl: true }),
    );
  const texts = (set: Uint8Array, aborted: Parameters<typeof visibleBatches>[1]) =>
    visibleBatches(set, aborted).visible.map(({ bytes }) =>
      new TextDecoder().decode(bytes.subarray(batchField.records)).replaceAll(/[^a-z ]/g, ""),
    );

  test("aborted transactions and control batches are passed over, later ones of the same producer are not", async () => {
    expect(texts(await log(), [{ producerId: 1, firstOffset: 1 }])).toEqual(["plain", "two committed", "one committed"]);
    expect(texts(await log(), [])).toEqual(["plain", "one aborted", "two committed", "one committed"]);
  });

  test("reading goes on behind what was passed over, and a cut last batch waits for the next answer", async () => {
    const whole = await log();
    expect(visibleBatches(whole, null).nextOffset).toBe(7);
    expect(visibleBatches(whole.subarray(0, whole.byteLength - 1), null).nextOffset).toBe(6);
    expect(visibleBatches(whole.subarray(0, 20), null)).toEqual({ visible: [], nextOffset: undefined });
  });

  test("a batch that is damaged is refused, whatever is wrong inside", async () => {
    const batch = await stored(0, ["plain", "more"]);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: batchField.attributes, max: batch.byteLength - 1 }),
        fc.integer({ min: 1, max: 255 }),
        async (at, change) => {
          const damaged = batch.slice();
          damaged[at]! ^= change;
          await expect(read(damaged)).rejects.toMatchObject({ name: "RecordError", code: 2 });
          // Without the checksum it ends too, in an error or not.
          const [found] = visibleBatches(damaged, null, false).visible;
          if (found === undefined) return;
          const body = await openBatch(found).catch(() => undefined);
          if (body === undefined) return;
          const cursor = new RecordCursor(found.header, body);
          expect(() => {
            for (let left = 1000; left > 0 && cursor.next(); left--) cursor.headers();
          }).toSatisfy((run: () => void) => {
            try {
              run();
              return true;
            } catch (error) {
              return (error as Error).name === "RecordError";
            }
          });
        },
      ),
      { numRuns: 100 },
    );
  });
});
