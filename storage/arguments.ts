/**
 * What every store refuses before it touches anything. One rule for all, drawn from the strictest of them (a local folder), so
 * that a key which works here works in every store; and a clear message instead of each platform's own.
 */
import { OperatingError } from "../core/operating-error.ts";
import type { ByteRange, ListOptions } from "./object-store.ts";

/** Folder names on disk end at 255 bytes, and the disk service puts a prefix and a suffix around the name while it writes. */
const segmentLengthMax = 200;
const keyLengthMax = 1000;
export const listLimitMax = 1000;

/** Segments begin with a letter, a digit or an underscore: names with a leading dot are hidden on disk. */
const segmentPattern = /^[a-z0-9_][a-z0-9_.-]*$/;
const prefixPattern = /^[a-z0-9_.\-/]*$/;

export function isSegment(name: string): boolean {
  return name.length <= segmentLengthMax && segmentPattern.test(name);
}

export function checkKey(key: string): void {
  if (key.length > keyLengthMax)
    throw new OperatingError("invalid", `object key longer than ${keyLengthMax} characters: ${key.slice(0, 60)}…`);
  for (const segment of key.split("/")) {
    if (!isSegment(segment)) {
      throw new OperatingError(
        "invalid",
        `object key ${JSON.stringify(key)}: segments are 1 to ${segmentLengthMax} of a-z 0-9 _ . - and begin with none of . -`,
      );
    }
  }
}

export function checkRange(range: ByteRange): void {
  const { start, length } = range;
  if (!(Number.isSafeInteger(start) && Number.isSafeInteger(length) && start >= 0 && length >= 0)) {
    throw new OperatingError("invalid", `byte range must be whole and not negative: start ${start}, length ${length}`);
  }
}

/** Answers the limit to use. */
export function checkListing(prefix: string, options: ListOptions | undefined): number {
  const limit = options?.limit ?? listLimitMax;
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > listLimitMax) {
    throw new OperatingError("invalid", `list limit must be 1 to ${listLimitMax}: ${limit}`);
  }
  if (!prefixPattern.test(prefix) || prefix.startsWith("/")) {
    throw new OperatingError("invalid", `list prefix ${JSON.stringify(prefix)}: only a-z 0-9 _ . - / may occur`);
  }
  return limit;
}

/** The chunks one behind the other, when they are as long as was said. */
export async function gathered(
  key: string,
  byteLength: number | undefined,
  chunks: AsyncIterable<Uint8Array>,
): Promise<Uint8Array> {
  if (byteLength === undefined) {
    const pieces: Uint8Array[] = [];
    // Copies: a chunk is its maker's again once the next is asked for.
    for await (const chunk of chunks) pieces.push(chunk.slice());
    const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const piece of pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    return whole;
  }
  const bytes = new Uint8Array(byteLength);
  let position = 0;
  for await (const chunk of chunks) {
    if (position + chunk.length > byteLength) throw wrongLength(key, byteLength, position + chunk.length);
    bytes.set(chunk, position);
    position += chunk.length;
  }
  if (position !== byteLength) throw wrongLength(key, byteLength, position);
  return bytes;
}

/**
 * Parts of `partLength` bytes, the last one shorter; at least one. With a length that was told the chunks must have it. A part is this
 * function's again once the next is asked for: there is memory for one.
 */
export async function* partsOf(
  key: string,
  byteLength: number | undefined,
  chunks: AsyncIterable<Uint8Array>,
  partLength: number,
): AsyncGenerator<Uint8Array> {
  const end = byteLength ?? Infinity;
  const whole = new Uint8Array(Math.min(partLength, end));
  let part = whole;
  let filled = 0;
  let done = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      if (done + filled === end) throw wrongLength(key, end, done + filled + chunk.length - at);
      const count = Math.min(chunk.length - at, part.length - filled);
      part.set(chunk.subarray(at, at + count), filled);
      filled += count;
      at += count;
      if (filled < part.length) continue;
      yield part;
      done += filled;
      filled = 0;
      part = whole.subarray(0, Math.min(partLength, end - done));
    }
  }
  if (byteLength === undefined) {
    if (filled > 0 || done === 0) yield part.subarray(0, filled);
  } else if (done !== byteLength) throw wrongLength(key, byteLength, done + filled);
}

export function wrongLength(key: string, byteLength: number, found: number): OperatingError {
  return new OperatingError("invalid", `object ${key} should have ${byteLength} bytes, ${found} came`);
}
