/**
 * What a broker writes into batches that it has accepted: offsets and leader epoch, which lie outside the CRC, and log append
 * time, which lies inside. A batch takes two stores here; copying it across the WebAssembly border would cost more than that, so
 * the kernel uses these functions as they are.
 */
import { attributeMask, batchField, batchSizeAt, readBatchHeader, viewOf, writeInt64 } from "../batch-layout.ts";
import type { BatchHeader, GatherPiece } from "../interface.ts";

/** Every whole batch of a set that is known to be good; a cut last one is left out. */
export function batches(records: Uint8Array): BatchHeader[] {
  const view = viewOf(records);
  const found: BatchHeader[] = [];
  for (let position = 0; ;) {
    const size = batchSizeAt(view, position, records.length);
    if (size < 0) return found;
    found.push(readBatchHeader(view, position));
    position += size;
  }
}

export function assignOffsets(records: Uint8Array, baseOffset: number, leaderEpoch: number): number {
  return patchOffsets(viewOf(records), 0, records.length, baseOffset, leaderEpoch);
}

function patchOffsets(view: DataView, start: number, end: number, baseOffset: number, leaderEpoch: number): number {
  let nextOffset = baseOffset;
  for (let position = start; ;) {
    const size = batchSizeAt(view, position, end);
    if (size < 0) return nextOffset;
    writeInt64(view, position + batchField.baseOffset, nextOffset);
    view.setInt32(position + batchField.leaderEpoch, leaderEpoch);
    nextOffset += view.getInt32(position + batchField.lastOffsetDelta) + 1;
    position += size;
  }
}

export function stampAppendTime(records: Uint8Array, timestamp: number, crc32c: (bytes: Uint8Array) => number): void {
  const view = viewOf(records);
  for (let position = 0; ;) {
    const size = batchSizeAt(view, position, records.length);
    if (size < 0) return;
    const attributes = view.getInt16(position + batchField.attributes);
    view.setInt16(position + batchField.attributes, attributes | attributeMask.logAppendTime);
    writeInt64(view, position + batchField.maxTimestamp, timestamp);
    view.setUint32(position + batchField.crc, crc32c(records.subarray(position + batchField.attributes, position + size)));
    position += size;
  }
}

export function correctMaxTimestamp(batch: Uint8Array, maxTimestamp: number, crc32c: (bytes: Uint8Array) => number): void {
  const view = viewOf(batch);
  writeInt64(view, batchField.maxTimestamp, maxTimestamp);
  view.setUint32(batchField.crc, crc32c(batch.subarray(batchField.attributes)));
}

export function gather(pieces: readonly GatherPiece[]): Uint8Array {
  let length = 0;
  for (const piece of pieces) length += piece.bytes.length;
  const gathered = new Uint8Array(length);
  const view = viewOf(gathered);
  let position = 0;
  for (const { bytes, baseOffset, leaderEpoch = 0 } of pieces) {
    gathered.set(bytes, position);
    const end = position + bytes.length;
    if (baseOffset !== undefined) patchOffsets(view, position, end, baseOffset, leaderEpoch);
    position = end;
  }
  return gathered;
}
