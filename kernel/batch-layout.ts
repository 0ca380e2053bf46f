/**
 * Where the fields of a record batch (magic 2) lie, and how its 64-bit integers become numbers. Everything on this side of the
 * WebAssembly border that looks into a batch reads it through these names.
 */
import type { BatchHeader, ValidatedBatch } from "./interface.ts";

export const batchField = {
  baseOffset: 0,
  batchLength: 8,
  leaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  recordCount: 57,
  records: 61,
} as const;

/** baseOffset and batchLength: what `batchLength` itself doesn't count. */
export const prologueBytes = 12;

export const attributeMask = { codec: 7, logAppendTime: 8, transactional: 16, control: 32, deleteHorizon: 64 } as const;

export const codecMax = 4;

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Exact up to 2^53, which offsets, timestamps and producer ids stay below; twice as fast as going through a bigint. */
export function readInt64(view: DataView, position: number): number {
  return view.getInt32(position) * 0x1_0000_0000 + view.getUint32(position + 4);
}

export function writeInt64(view: DataView, position: number, value: number): void {
  view.setInt32(position, Math.floor(value / 0x1_0000_0000));
  view.setUint32(position + 4, value >>> 0);
}

/** The whole size of the batch at `position`, or -1 when it doesn't lie wholly before `end`. */
export function batchSizeAt(view: DataView, position: number, end: number): number {
  if (end - position < batchField.records) return -1;
  const batchLength = view.getInt32(position + batchField.batchLength);
  if (batchLength < batchField.records - prologueBytes || batchLength > end - position - prologueBytes) return -1;
  return prologueBytes + batchLength;
}

export function readCoordinates(view: DataView, position: number): ValidatedBatch {
  return {
    position,
    size: prologueBytes + view.getInt32(position + batchField.batchLength),
    offsetCount: view.getInt32(position + batchField.lastOffsetDelta) + 1,
    attributes: view.getInt16(position + batchField.attributes),
    baseTimestamp: readInt64(view, position + batchField.baseTimestamp),
    maxTimestamp: readInt64(view, position + batchField.maxTimestamp),
    producerId: readInt64(view, position + batchField.producerId),
    producerEpoch: view.getInt16(position + batchField.producerEpoch),
    baseSequence: view.getInt32(position + batchField.baseSequence),
  };
}

export function readBatchHeader(view: DataView, position: number): BatchHeader {
  return {
    ...readCoordinates(view, position),
    baseOffset: readInt64(view, position + batchField.baseOffset),
    leaderEpoch: view.getInt32(position + batchField.leaderEpoch),
    recordCount: view.getInt32(position + batchField.recordCount),
  };
}
