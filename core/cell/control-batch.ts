/**
 * The end of a transaction as Kafka writes it into a log: a control batch of one record and one offset. Offset and leader epoch are left
 * to readers like those of any batch (D8), so one batch serves all partitions that a transaction ends in.
 */
import { attributeMask, batchField, prologueBytes, viewOf, writeInt64 } from "../../kernel/batch-layout.ts";
import { crc32c } from "../../kernel/twins/crc32c.ts";

export interface EndMarker {
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly coordinatorEpoch: number;
  readonly commit: boolean;
  readonly timestampMs: number;
  /** The topic has LogAppendTime. */
  readonly stamped: boolean;
}

const keyBytes = 4;
const valueBytes = 6;
/** Attributes, the two deltas, the two lengths, key, value, count of headers: one byte each where nothing is said. */
const recordBytes = 6 + keyBytes + valueBytes;

export const controlBatchBytes = batchField.records + 1 + recordBytes;

/** Kafka's ControlRecordType. */
const controlType = { abort: 0, commit: 1 } as const;

export function writeControlBatch(bytes: Uint8Array, marker: EndMarker): void {
  const view = viewOf(bytes);
  const { producerId, producerEpoch, timestampMs, stamped } = marker;
  view.setInt32(batchField.batchLength, controlBatchBytes - prologueBytes);
  view.setInt8(batchField.magic, 2);
  const stamp = stamped ? attributeMask.logAppendTime : 0;
  view.setInt16(batchField.attributes, attributeMask.transactional | attributeMask.control | stamp);
  view.setInt32(batchField.lastOffsetDelta, 0);
  writeInt64(view, batchField.baseTimestamp, timestampMs);
  writeInt64(view, batchField.maxTimestamp, timestampMs);
  writeInt64(view, batchField.producerId, producerId);
  view.setInt16(batchField.producerEpoch, producerEpoch);
  view.setInt32(batchField.baseSequence, -1);
  view.setInt32(batchField.recordCount, 1);
  writeRecord(view, batchField.records, marker);
  view.setUint32(batchField.crc, crc32c(bytes.subarray(batchField.attributes, controlBatchBytes)) >>> 0);
}

/** Lengths are zigzag varints. */
function writeRecord(view: DataView, start: number, { coordinatorEpoch, commit }: EndMarker): void {
  view.setUint8(start, recordBytes * 2);
  const key = start + 4;
  view.setUint8(key, keyBytes * 2);
  view.setInt16(key + 1, 0);
  view.setInt16(key + 3, commit ? controlType.commit : controlType.abort);
  const value = key + 1 + keyBytes;
  view.setUint8(value, valueBytes * 2);
  view.setInt16(value + 1, 0);
  view.setInt32(value + 3, coordinatorEpoch);
}
