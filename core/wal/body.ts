/**
 * The batches inside an object: whether they are what the footer says, and what can still be had when there is no footer to
 * trust. Batches are told apart by Kafka's own CRC, which leaves out baseOffset and leader epoch; both mean nothing in a WAL
 * object (leaders assign them at commit), so a change there harms nobody and is not seen.
 */
import { batchField, batchSizeAt, readBatchHeader, viewOf } from "../../kernel/batch-layout.ts";
import type { BatchHeader } from "../../kernel/interface.ts";
import type { Crc32c, Damage, DamageKind, ObjectFooter, WalExtent } from "./format.ts";

const magic = 2;

/** Everything in the body that disagrees with the footer; empty when it is whole. Damage in one extent hides none in another. */
export function checkBody(object: Uint8Array, footer: ObjectFooter, crc32c: Crc32c): Damage[] {
  return footer.extents.flatMap((extent: WalExtent) => checkExtent(object, extent, crc32c));
}

function checkExtent(object: Uint8Array, extent: WalExtent, crc32c: Crc32c): Damage[] {
  const found: Damage[] = [];
  const report = (kind: DamageKind, position: number, message: string): number =>
    found.push({ kind, position, message: `${extent.topicId}/${extent.partition}: ${message}` });
  const view = viewOf(object);
  const end = extent.byteStart + extent.byteLength;
  let position = extent.byteStart;
  let count = 0;
  let maxTimestamp = -1;
  while (position < end) {
    const size = batchSizeAt(view, position, end);
    if (size < 0) {
      report("batch-length", position, `the batch at ${position} does not end within its extent, which ends at ${end}`);
      return found;
    }
    const fault = batchFault(object, view, position, size, crc32c);
    if (fault !== undefined) report(fault.kind, position, `the batch at ${position} ${fault.message}`);
    count++;
    maxTimestamp = Math.max(maxTimestamp, readBatchHeader(view, position).maxTimestamp);
    position += size;
  }
  if (count !== extent.batchCount)
    report("batch-count", extent.byteStart, `${count} batches, the footer says ${extent.batchCount}`);
  // A batch that is damaged may lie about its time too: that was reported already. Times that no clock shows lose digits as numbers.
  if (found.length === 0 && Number.isSafeInteger(maxTimestamp) && maxTimestamp !== extent.maxTimestamp) {
    report("max-timestamp", extent.byteStart, `the latest time is ${maxTimestamp}, the footer says ${extent.maxTimestamp}`);
  }
  return found;
}

function batchFault(
  bytes: Uint8Array,
  view: DataView,
  position: number,
  size: number,
  crc32c: Crc32c,
): Pick<Damage, "kind" | "message"> | undefined {
  const found = view.getInt8(position + batchField.magic);
  if (found !== magic) return { kind: "batch-magic", message: `has magic ${found}, not ${magic}` };
  const stored = view.getUint32(position + batchField.crc);
  const actual = crc32c(bytes.subarray(position + batchField.attributes, position + size)) >>> 0;
  return stored === actual
    ? undefined
    : { kind: "batch-crc", message: `has CRC-32C ${actual.toString(16)}, it says ${stored.toString(16)}` };
}

/** The batch headers of one extent that is known to be whole. */
export function batchesOf(object: Uint8Array, extent: WalExtent): BatchHeader[] {
  const view = viewOf(object);
  const headers: BatchHeader[] = [];
  const end = extent.byteStart + extent.byteLength;
  for (let position = extent.byteStart; position < end; position += headers.at(-1)!.size)
    headers.push(readBatchHeader(view, position));
  return headers;
}

export interface Salvage {
  readonly batches: readonly BatchHeader[];
  /** What lies between and after them: damage, and the footer or its remains. */
  readonly gaps: readonly { readonly position: number; readonly byteLength: number }[];
}

/**
 * All good batches of any bytes, without a footer, so without knowing whose they are. After bytes that are no batch it looks
 * for the next position where one with a good CRC begins; that a record holds a whole batch as its value, behind a damaged
 * header, can mislead it.
 */
export function salvageBatches(bytes: Uint8Array, crc32c: Crc32c): Salvage {
  const view = viewOf(bytes);
  const batches: BatchHeader[] = [];
  const gaps: { position: number; byteLength: number }[] = [];
  let position = 0;
  while (position < bytes.byteLength) {
    const next = nextBatch(bytes, view, position, crc32c);
    if (next > position) gaps.push({ position, byteLength: next - position });
    if (next === bytes.byteLength) break;
    const batch = readBatchHeader(view, next);
    batches.push(batch);
    position = next + batch.size;
  }
  return { batches, gaps };
}

/** Where the first good batch at or after `from` begins; the end when there is none. */
function nextBatch(bytes: Uint8Array, view: DataView, from: number, crc32c: Crc32c): number {
  // Only positions with the magic byte in its place are worth a look.
  for (let at = bytes.indexOf(magic, from + batchField.magic); at >= 0; at = bytes.indexOf(magic, at + 1)) {
    const position = at - batchField.magic;
    const size = batchSizeAt(view, position, bytes.byteLength);
    if (size < 0 || !plausible(view, position)) continue;
    if (batchFault(bytes, view, position, size, crc32c) === undefined) return position;
  }
  return bytes.byteLength;
}

/** Spares the CRC where the header can be none. */
function plausible(view: DataView, position: number): boolean {
  const attributes = view.getInt16(position + batchField.attributes);
  const count = view.getInt32(position + batchField.recordCount);
  return attributes >= 0 && attributes < 128 && count >= 0 && count <= view.getInt32(position + batchField.lastOffsetDelta) + 1;
}
