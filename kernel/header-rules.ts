/**
 * What must be true of a produced batch's header. Two questions, because the CRC comes between them: whether there is a whole
 * batch at all, and whether a batch that arrived undamaged says things a client may say.
 */
import { attributeMask, batchField, codecMax, prologueBytes } from "./batch-layout.ts";
import type { InvalidReason } from "./interface.ts";

export function frameFault(view: DataView, position: number, batchSizeMax: number): InvalidReason | undefined {
  const available = view.byteLength - position;
  if (available <= batchField.magic) return "truncated";
  if (view.getInt8(position + batchField.magic) !== 2) return "magic";
  if (available < batchField.records) return "truncated";
  const batchLength = view.getInt32(position + batchField.batchLength);
  if (batchLength < batchField.records - prologueBytes) return "length";
  if (batchLength > available - prologueBytes) return "truncated";
  return prologueBytes + batchLength > batchSizeMax ? "too-large" : undefined;
}

export function headerFault(view: DataView, position: number): InvalidReason | undefined {
  if (view.getInt32(position) !== 0 || view.getInt32(position + 4) !== 0) return "base-offset";
  const attributes = view.getInt16(position + batchField.attributes);
  if ((attributes & attributeMask.codec) > codecMax) return "codec";
  if ((attributes & attributeMask.control) !== 0) return "control";
  const count = view.getInt32(position + batchField.recordCount);
  if (count <= 0 || count - 1 !== view.getInt32(position + batchField.lastOffsetDelta)) return "count";
  return undefined;
}
