/**
 * The border: the one file that owns the WebAssembly instance and its memory. Copies in, calls, reads the results out. Scratch
 * memory can grow but never shrink, so inputs past a limit go through in pieces, or to the plain twin where pieces won't do.
 */
import { instantiate } from "#kernel-module";
import { batchSizeAt, viewOf } from "./batch-layout.ts";
import type { InvalidReason, Kernel, ValidateBodyResult, ValidatedBatch, ValidateOptions, ValidateResult } from "./interface.ts";
import { decompressLz4 } from "./twins/lz4.ts";
import { assignOffsets, batches, gather, stampAppendTime } from "./twins/offsets.ts";
import { firstRecordAtOrAfter, records } from "./twins/records.ts";
import { decompressSnappy } from "./twins/snappy.ts";
import * as twinValidate from "./twins/validate.ts";

const wasm = instantiate();
wasm.buildTables();
const scratch = wasm.scratchStart();
const tableRow = 64;
/** Kernels may load up to 16 bytes past the end of their input. */
const slackBytes = 64;
const pageBytes = 65_536;
/** What scratch memory grows to and keeps for good, one batch of four times Kafka's default maximum. */
const scratchBytesMax = 4 << 20;
/** CRCs go through in pieces that stay in the processor's second level cache. */
const pieceBytes = 256 << 10;

let memory = new Uint8Array(wasm.memory.buffer);
let view = viewOf(memory);
reserve(pieceBytes);

/** The reasons by their numbers in assembly/validate.ts; the last is no fault but a full table. */
const reasons: readonly (InvalidReason | "ok" | "table-full")[] = [
  ...(["ok", "truncated", "magic", "length", "crc", "count", "offset-delta", "base-offset", "control", "key-missing"] as const),
  ...(["too-large", "codec", "table-full"] as const),
];

function reserve(byteLength: number): void {
  const needed = scratch + byteLength + slackBytes;
  if (needed > memory.length) {
    wasm.memory.grow(Math.ceil((needed - memory.length) / pageBytes));
    memory = new Uint8Array(wasm.memory.buffer);
    view = viewOf(memory);
  }
}

function crc32c(bytes: Uint8Array): number {
  if (bytes.length <= pieceBytes) {
    memory.set(bytes, scratch);
    return wasm.crc32c(scratch, bytes.length) >>> 0;
  }
  let register = -1;
  for (let position = 0; position < bytes.length; position += pieceBytes) {
    const piece = bytes.subarray(position, position + pieceBytes);
    memory.set(piece, scratch);
    register = wasm.crc32cUpdate(register, scratch, piece.length);
  }
  return ~register >>> 0;
}

function validate(bytes: Uint8Array, options: ValidateOptions): ValidateResult {
  const found: ValidatedBatch[] = [];
  let position = 0;
  do {
    const windowEnd = endOfWindow(bytes, position);
    const result =
      windowEnd > position
        ? validateWindow(bytes.subarray(position, windowEnd), options)
        : twinValidate.validate(oneBatch(bytes, position), options, crc32c);
    const earlier = found.length;
    const earlierBytes = position;
    if (!result.ok) return { ...result, batchIndex: result.batchIndex + earlier, position: result.position + earlierBytes };
    for (const batch of result.batches)
      found.push(earlierBytes === 0 ? batch : { ...batch, position: batch.position + earlierBytes });
    position = found.at(-1)!.position + found.at(-1)!.size;
  } while (position < bytes.length);
  return { ok: true, batches: found };
}

/** Everything when it fits into scratch memory, otherwise as many whole batches as do; `position` when not even one does. */
function endOfWindow(bytes: Uint8Array, position: number): number {
  if (bytes.length - position <= scratchBytesMax) return bytes.length;
  const input = viewOf(bytes);
  let end = position;
  for (;;) {
    const size = batchSizeAt(input, end, bytes.length);
    if (size < 0 || end + size > position + scratchBytesMax) return end;
    end += size;
  }
}

/** The batch at `position`, or all the rest when there is no whole batch (and then something is wrong with it). */
function oneBatch(bytes: Uint8Array, position: number): Uint8Array {
  const size = batchSizeAt(viewOf(bytes), position, bytes.length);
  return bytes.subarray(position, size < 0 ? bytes.length : position + size);
}

/** Answers `ok` with fewer batches than there are when the table is full: the caller goes on behind them. */
function validateWindow(window: Uint8Array, options: ValidateOptions): ValidateResult {
  reserve(window.length);
  memory.set(window, scratch);
  const sizeMax = Math.min(options.batchSizeMax, 0x7fffffff);
  const count = wasm.validate(scratch, scratch + window.length, sizeMax, options.keysRequired ? 1 : 0);
  const { reason, recordIndex, position } = readVerdict();
  if (reason !== "ok" && reason !== "table-full") return { ok: false, reason, batchIndex: count, recordIndex, position };
  const found: ValidatedBatch[] = [];
  for (let row = wasm.validationTable(); found.length < count; row += tableRow) found.push(readRow(row));
  return { ok: true, batches: found };
}

function readVerdict(): { reason: (typeof reasons)[number]; recordIndex: number; position: number } {
  const verdict = wasm.validationVerdict();
  return {
    reason: reasons[view.getInt32(verdict, true)]!,
    recordIndex: view.getInt32(verdict + 4, true),
    position: view.getInt32(verdict + 8, true),
  };
}

function readRow(row: number): ValidatedBatch {
  return {
    position: view.getInt32(row, true),
    size: view.getInt32(row + 4, true),
    offsetCount: view.getInt32(row + 8, true),
    attributes: view.getInt32(row + 12, true),
    producerEpoch: view.getInt32(row + 16, true),
    baseSequence: view.getInt32(row + 20, true),
    baseTimestamp: view.getFloat64(row + 24, true),
    maxTimestamp: view.getFloat64(row + 32, true),
    producerId: view.getFloat64(row + 40, true),
  };
}

function validateBody(body: Uint8Array, recordCount: number, keysRequired: boolean): ValidateBodyResult {
  if (body.length > scratchBytesMax) return twinValidate.validateBody(body, recordCount, keysRequired);
  reserve(body.length);
  memory.set(body, scratch);
  if (wasm.validateBody(scratch, scratch + body.length, recordCount, keysRequired ? 1 : 0) === 0) return { ok: true };
  const { reason, recordIndex, position } = readVerdict();
  return { ok: false, reason: reason as InvalidReason, recordIndex, position };
}

export const kernel: Kernel = {
  crc32c,
  validate,
  validateBody,
  assignOffsets,
  stampAppendTime: (bytes, timestamp) => stampAppendTime(bytes, timestamp, crc32c),
  gather,
  batches,
  records,
  firstRecordAtOrAfter,
  decompressLz4,
  decompressSnappy,
};
