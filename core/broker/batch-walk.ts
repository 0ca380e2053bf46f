/**
 * What a fetch must know of the batches inside an extent: whether they are what the leader says, and which of them to send.
 * Nothing that was read is trusted before it has been checked, and nothing is sent that isn't a whole batch.
 */
import { attributeMask, batchField, batchSizeAt, readInt64, viewOf } from "../../kernel/batch-layout.ts";
import type { Kernel } from "../../kernel/interface.ts";

/** The offsets of an extent, which its batches take one after the other, or, where it is compacted, some of them. */
export interface ExtentOffsets {
  readonly baseOffset: number;
  readonly nextOffset: number;
  readonly compacted?: true | undefined;
}

/** What is wrong with the bytes of an extent; undefined when nothing is. */
export function extentFault(
  bytes: Uint8Array,
  { baseOffset, nextOffset, compacted }: ExtentOffsets,
  crc32c: Kernel["crc32c"] | undefined,
): string | undefined {
  const view = viewOf(bytes);
  let offset = baseOffset;
  let position = 0;
  while (position < bytes.length) {
    const size = batchSizeAt(view, position, bytes.length);
    if (size < 0) return `no whole batch at ${position}`;
    if (view.getInt8(position + batchField.magic) !== 2) return `magic is not 2 at ${position}`;
    const delta = view.getInt32(position + batchField.lastOffsetDelta);
    if (delta < 0) return `negative offset delta at ${position}`;
    if (compacted === true) {
      const own = readInt64(view, position + batchField.baseOffset);
      if (own < offset) return `offset ${own} behind ${offset - 1} at ${position}`;
      offset = own;
    }
    offset += delta + 1;
    if (crc32c !== undefined) {
      const crc = crc32c(bytes.subarray(position + batchField.attributes, position + size)) >>> 0;
      if (crc !== view.getUint32(position + batchField.crc)) return `wrong CRC at ${position}`;
    }
    position += size;
  }
  if (compacted === true && offset <= nextOffset) return undefined;
  return offset === nextOffset ? undefined : `${offset - baseOffset} offsets instead of ${nextOffset - baseOffset}`;
}

export interface SliceLimits {
  readonly fromOffset: number;
  /** Batches that reach beyond are not for the reader. */
  readonly beforeOffset: number;
  readonly maxBytes: number;
  /** The first batch goes out even when it is larger than maxBytes. */
  readonly firstWhole: boolean;
}

export interface Slice {
  readonly start: number;
  readonly end: number;
  readonly nextOffset: number;
  /** Transactional or control batches are among them. */
  readonly transactional: boolean;
  /** More batches follow in the extent that the reader may have, but no room. */
  readonly full: boolean;
}

/** The batches of an extent, from the one on that holds `fromOffset`, or the first behind it. */
export function sliceBatches(bytes: Uint8Array, { baseOffset, compacted }: ExtentOffsets, limits: SliceLimits): Slice {
  const view = viewOf(bytes);
  let start = -1;
  let position = 0;
  let offset = baseOffset;
  let transactional = false;
  let full = false;
  while (position < bytes.length) {
    const size = batchSizeAt(view, position, bytes.length);
    if (compacted === true) offset = readInt64(view, position + batchField.baseOffset);
    const nextOffset = offset + view.getInt32(position + batchField.lastOffsetDelta) + 1;
    if (nextOffset > limits.beforeOffset) break;
    if (nextOffset > limits.fromOffset) {
      if (start < 0) start = position;
      full = position + size - start > limits.maxBytes && !(limits.firstWhole && position === start);
      if (full) break;
      if ((view.getInt16(position + batchField.attributes) & (attributeMask.transactional | attributeMask.control)) !== 0)
        transactional = true;
    }
    position += size;
    offset = nextOffset;
  }
  return { start: start < 0 ? position : start, end: position, nextOffset: offset, transactional, full };
}
