/**
 * The border: the one file that owns the WebAssembly instance and its memory. Bytes are copied in piece by piece, each into the
 * same small window and worked on while the first level cache still holds it; so copying costs little, and the module's memory,
 * which could never shrink again, stays small whatever clients send.
 */
import { instantiate } from "#kernel-module";
import { attributeMask, batchField, prologueBytes, readCoordinates, viewOf } from "./batch-layout.ts";
import type { KernelExports } from "./exports.ts";
import { frameFault, headerFault } from "./header-rules.ts";
import { type GrowingBytes, tooLarge } from "./growing-bytes.ts";
import type { InvalidReason, Kernel, ValidateBodyResult, ValidateOptions, ValidateResult, WalkedBatch } from "./interface.ts";
import { decompressLz4Frame, type Lz4BlockDecoder, malformedLz4 } from "./lz4-frame.ts";
import { decompressSnappyStream, malformedSnappy } from "./snappy-frame.ts";
import { assignOffsets, batches, correctMaxTimestamp, gather, stampAppendTime } from "./twins/offsets.ts";
import { firstRecordAtOrAfter, records } from "./twins/records.ts";
import { decodeElements } from "./twins/snappy.ts";

const wasm = instantiate();
wasm.buildTables();
let memory = new Uint8Array(wasm.memory.buffer);
const input = wasm.inputAddress();
const pieceBytes = wasm.pieceBytes();
/** The last piece may be as long as two less a byte; the kernels may load 64 bytes behind it. */
const windowBytes = 2 * pieceBytes + 64;
if (memory.length < input + windowBytes || pieceBytes < 8192) throw new Error("the kernel's window does not fit its memory");

/** What a walk answers, by the numbers of assembly/walk.ts. */
const walkReasons = ["ok", "length", "count", "offset-delta", "key-missing", "more"] as const;
const more = walkReasons.indexOf("more");

function crc32c(bytes: Uint8Array): number {
  wasm.crcStart();
  const { length } = bytes;
  let position = 0;
  for (; length - position >= 2 * pieceBytes; position += pieceBytes) {
    memory.set(bytes.subarray(position, position + pieceBytes), input);
    wasm.crcPiece();
  }
  memory.set(position === 0 ? bytes : bytes.subarray(position), input);
  return wasm.crcEnd(length - position) >>> 0;
}

/** One pass for the CRC and the walk that `walkStart` has prepared. Answers the CRC and why the walk ended. */
function crcAndWalk(bytes: Uint8Array): { readonly crc: number; readonly walked: number } {
  wasm.crcStart();
  const { length } = bytes;
  let walked = more;
  let position = 0;
  for (; length - position >= 2 * pieceBytes; position += pieceBytes) {
    memory.set(bytes.subarray(position, position + pieceBytes), input);
    wasm.crcPiece();
    if (walked === more) walked = wasm.walkPiece();
  }
  memory.set(bytes.subarray(position), input);
  if (walked === more) walked = wasm.walkEnd();
  return { crc: wasm.crcEnd(length - position) >>> 0, walked };
}

function validate(bytes: Uint8Array, options: ValidateOptions): ValidateResult {
  const view = viewOf(bytes);
  const found: WalkedBatch[] = [];
  let position = 0;
  do {
    const fault = frameFault(view, position, options.batchSizeMax) ?? checkBatch(bytes, view, position, options.keysRequired);
    if (fault === undefined) {
      const batch = readCoordinates(view, position);
      const walked = (batch.attributes & attributeMask.codec) === 0;
      const recordsMaxTimestamp = walked ? batch.baseTimestamp + wasm.walkTimestampDeltaMax() : batch.maxTimestamp;
      found.push({ ...batch, recordsMaxTimestamp });
      position += batch.size;
      continue;
    }
    const failed = { ok: false, batchIndex: found.length } as const;
    if (fault !== "inside") return { ...failed, reason: fault, recordIndex: -1, position };
    const inside = walkFailure();
    return { ...failed, ...inside, position: position + batchField.attributes + inside.position };
  } while (position < bytes.length);
  return { ok: true, batches: found };
}

let lastWalk = 0;

/** Answers `inside` when a record is at fault: `walkFailure` then says which and how. */
function checkBatch(
  bytes: Uint8Array,
  view: DataView,
  position: number,
  keysRequired: boolean,
): InvalidReason | "inside" | undefined {
  const start = position + batchField.attributes;
  const end = position + prologueBytes + view.getInt32(position + batchField.batchLength);
  const checked = bytes.subarray(start, end);
  const headerReason = headerFault(view, position);
  const walks = headerReason === undefined && (view.getInt16(start) & attributeMask.codec) === 0;
  let crc;
  lastWalk = 0;
  if (walks) {
    const count = view.getInt32(position + batchField.recordCount);
    wasm.walkStart(batchField.records - batchField.attributes, checked.length, count, keysRequired ? 1 : 0);
    ({ crc, walked: lastWalk } = crcAndWalk(checked));
  } else crc = crc32c(checked);
  if (crc !== view.getUint32(position + batchField.crc)) return "crc";
  return headerReason ?? (lastWalk === 0 ? undefined : "inside");
}

/** Positions count from where the walk's bytes began. */
function walkFailure(): { readonly reason: InvalidReason; readonly recordIndex: number; readonly position: number } {
  return { reason: walkReasons[lastWalk] as InvalidReason, recordIndex: wasm.walkRecord(), position: wasm.walkPosition() };
}

function validateBody(body: Uint8Array, recordCount: number, keysRequired: boolean): ValidateBodyResult {
  wasm.walkStart(0, body.length, recordCount, keysRequired ? 1 : 0);
  lastWalk = more;
  let position = 0;
  for (; lastWalk === more && body.length - position >= 2 * pieceBytes; position += pieceBytes) {
    memory.set(body.subarray(position, position + pieceBytes), input);
    lastWalk = wasm.walkPiece();
  }
  if (lastWalk === more) {
    memory.set(body.subarray(position), input);
    lastWalk = wasm.walkEnd();
  }
  return lastWalk === 0 ? { ok: true, timestampDeltaMax: wasm.walkTimestampDeltaMax() } : { ok: false, ...walkFailure() };
}

/** What decompressors may write or load behind what they are given. */
const slackBytes = 64;
const scratch = wasm.scratchStart();
const pageBytes = 65_536;
/** As far back as LZ4's matches reach. */
const historyBytes = 65_536;
/** Scratch memory is kept for good: two of LZ4's largest blocks fit, and a raw Snappy stream larger than this goes to the twin. */
const scratchBytesMax = 8 << 20;

function reserve(byteLength: number): void {
  const missing = scratch + byteLength - memory.length;
  if (missing <= 0) return;
  wasm.memory.grow(Math.ceil(missing / pageBytes));
  memory = new Uint8Array(wasm.memory.buffer);
}

/** Scratch memory as [history | output | slack | input | slack]; the history is what of the output lies before the block. */
function lz4DecoderFor(blockMax: number): Lz4BlockDecoder {
  const output = scratch + historyBytes;
  const input = output + blockMax + slackBytes;
  let history = 0;

  /** Moves what was just put out to where the next block's matches look for it. */
  function remember(count: number): void {
    history = Math.min(historyBytes, history + count);
    memory.copyWithin(output - history, output + count - history, output + count);
  }

  return {
    decode(block, into, sizeMax) {
      reserve(input + block.length + slackBytes - scratch);
      memory.set(block, input);
      const limit = Math.min(sizeMax, into.sizeMax - into.length);
      const count = wasm.lz4Block(input, block.length, output, limit, history);
      if (count === -2 && limit < sizeMax) throw tooLarge(into.sizeMax);
      if (count < 0) throw malformedLz4();
      into.append(memory.subarray(output, output + count));
      remember(count);
    },
    stored(block) {
      reserve(input + slackBytes - scratch);
      memory.set(block, output);
      remember(block.length);
    },
  };
}

/** Scratch memory as [output | slack | input | slack]. */
function decodeSnappy(elements: Uint8Array, into: GrowingBytes, length: number): void {
  const input = scratch + length + slackBytes;
  const needed = length + elements.length + 2 * slackBytes;
  if (needed > scratchBytesMax) return decodeElements(elements, into, length);
  reserve(needed);
  memory.set(elements, input);
  if (wasm.snappyElements(input, elements.length, scratch, length) !== length) throw malformedSnappy();
  into.append(memory.subarray(scratch, scratch + length));
}

/** Compresses one block of at most 64 KiB; a view that the next call overwrites. */
function compressBlock(compress: KernelExports["compressLz4"], block: Uint8Array): Uint8Array {
  const output = scratch + block.length + slackBytes;
  reserve(2 * block.length + (block.length >> 5) + 4 * slackBytes);
  memory.set(block, scratch);
  return memory.subarray(output, output + compress(scratch, block.length, output));
}

/** For compress.ts. They have no twin: what they put out is right when every decoder makes the input of it. */
export const compressLz4Block = (block: Uint8Array): Uint8Array => compressBlock(wasm.compressLz4, block);
export const compressSnappyBlock = (block: Uint8Array): Uint8Array => compressBlock(wasm.compressSnappy, block);

export const kernel: Kernel = {
  crc32c,
  validate,
  validateBody,
  assignOffsets,
  stampAppendTime: (bytes, timestamp) => stampAppendTime(bytes, timestamp, crc32c),
  correctMaxTimestamp: (batch, maxTimestamp) => correctMaxTimestamp(batch, maxTimestamp, crc32c),
  gather,
  batches,
  records,
  firstRecordAtOrAfter,
  decompressLz4: (frame, sizeMax) => decompressLz4Frame(frame, sizeMax, lz4DecoderFor),
  decompressSnappy: (bytes, sizeMax) => decompressSnappyStream(bytes, sizeMax, decodeSnappy),
};
