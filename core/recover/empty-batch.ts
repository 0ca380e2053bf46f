/**
 * A batch without records that stands for offsets whose records are gone, as Kafka's cleaner leaves them: offsets stay without a hole,
 * so that every other part of the system, and every client, meets what it knows.
 */
import { batchField, prologueBytes, viewOf, writeInt64 } from "../../kernel/batch-layout.ts";
import { crc32c } from "../../kernel/twins/crc32c.ts";

const none = -1;
export const emptyBatchBytes = batchField.records;
/** A batch counts its offsets in 31 bits. */
export const emptyBatchOffsetsMax = 2 ** 31 - 1;

export function emptyBatch(baseOffset: number, offsetCount: number, leaderEpoch: number): Uint8Array {
  const bytes = new Uint8Array(emptyBatchBytes);
  const view = viewOf(bytes);
  writeInt64(view, batchField.baseOffset, baseOffset);
  view.setInt32(batchField.batchLength, emptyBatchBytes - prologueBytes);
  view.setInt32(batchField.leaderEpoch, leaderEpoch);
  view.setInt8(batchField.magic, 2);
  view.setInt32(batchField.lastOffsetDelta, offsetCount - 1);
  writeInt64(view, batchField.baseTimestamp, none);
  writeInt64(view, batchField.maxTimestamp, none);
  writeInt64(view, batchField.producerId, none);
  view.setInt16(batchField.producerEpoch, none);
  view.setInt32(batchField.baseSequence, none);
  view.setUint32(batchField.crc, crc32c(bytes.subarray(batchField.attributes)) >>> 0);
  return bytes;
}
