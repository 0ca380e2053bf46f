/** Record batches and WAL objects to test with: well formed outside, arbitrary bytes where the records would be. */
import * as fc from "fast-check";
import { batchField, prologueBytes, viewOf, writeInt64 } from "../../kernel/batch-layout.ts";
import { crc32c } from "../../kernel/twins/crc32c.ts";
import { compareParts, type WalIdentity, type WalPart } from "../../core/wal/format.ts";

export interface SampleBatch {
  readonly body: Uint8Array;
  readonly count: number;
  readonly maxTimestamp: number;
}

export interface SamplePart {
  readonly cell: number;
  readonly topicId: string;
  readonly partition: number;
  readonly batches: readonly SampleBatch[];
}

export interface SampleObject {
  readonly identity: WalIdentity;
  readonly parts: readonly SamplePart[];
}

export function makeBatch(sample: SampleBatch): Uint8Array {
  const bytes = new Uint8Array(batchField.records + sample.body.byteLength);
  const view = viewOf(bytes);
  view.setInt32(batchField.batchLength, bytes.byteLength - prologueBytes);
  view.setInt32(batchField.leaderEpoch, -1);
  view.setInt8(batchField.magic, 2);
  view.setInt32(batchField.lastOffsetDelta, sample.count - 1);
  writeInt64(view, batchField.maxTimestamp, sample.maxTimestamp);
  writeInt64(view, batchField.producerId, -1);
  view.setInt32(batchField.recordCount, sample.count);
  bytes.set(sample.body, batchField.records);
  view.setUint32(batchField.crc, crc32c(bytes.subarray(batchField.attributes)));
  return bytes;
}

export function makePart(sample: SamplePart): WalPart {
  return {
    cell: sample.cell,
    topicId: sample.topicId,
    partition: sample.partition,
    records: sample.batches.map(makeBatch),
    batchCount: sample.batches.length,
    maxTimestamp: Math.max(...sample.batches.map((batch) => batch.maxTimestamp)),
  };
}

const batch: fc.Arbitrary<SampleBatch> = fc.record({
  body: fc.uint8Array({ maxLength: 80 }),
  count: fc.integer({ min: 1, max: 1000 }),
  maxTimestamp: fc.integer({ min: -1, max: 4_000_000_000_000 }),
});

const part: fc.Arbitrary<SamplePart> = fc.record({
  cell: fc.integer({ min: 0, max: 2 }),
  topicId: fc.oneof(fc.uuid(), fc.constantFrom("00000000-0000-0000-0000-000000000001", "ffffffff-ffff-ffff-ffff-ffffffffffff")),
  partition: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constant(2 ** 31 - 1)),
  batches: fc.array(batch, { minLength: 1, maxLength: 3 }),
});

export const sampleObject: fc.Arbitrary<SampleObject> = fc.record({
  identity: fc.record({
    brokerId: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
    brokerEpoch: fc.maxSafeNat(),
    sequence: fc.maxSafeNat(),
  }),
  parts: fc
    .uniqueArray(part, { maxLength: 6, selector: ({ cell, topicId, partition }) => `${cell} ${topicId} ${partition}` })
    .map((parts) => parts.toSorted(compareParts)),
});
