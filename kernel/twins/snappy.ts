/**
 * Snappy, raw (librdkafka) or in xerial's framing of chunks (Java, kafkajs): the plain twin. The framing is told by its magic,
 * which no raw stream can begin with, since it would open with a copy out of nothing.
 */
import { DecompressError } from "../decompress-error.ts";
import { GrowingBytes } from "./growing-bytes.ts";

const xerialMagic = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00] as const;
/** The magic and two versions. */
const xerialHeaderBytes = 16;

function malformed(): DecompressError {
  return new DecompressError("malformed", "not a Snappy stream, or a damaged one");
}

export function decompressSnappy(bytes: Uint8Array, sizeMax: number): Uint8Array {
  const output = new GrowingBytes(Math.min(bytes.length * 4, 1 << 20), sizeMax);
  if (!isXerial(bytes)) {
    decodeRaw(bytes, output, sizeMax);
    return output.finish();
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let position = xerialHeaderBytes; position < bytes.length;) {
    if (position + 4 > bytes.length) throw malformed();
    const size = view.getUint32(position);
    position += 4;
    if (size > bytes.length - position) throw malformed();
    decodeRaw(bytes.subarray(position, position + size), output, sizeMax);
    position += size;
  }
  return output.finish();
}

export function isXerial(bytes: Uint8Array): boolean {
  return bytes.length >= xerialHeaderBytes && xerialMagic.every((byte, index) => bytes[index] === byte);
}

/** The length a raw stream claims, at most 2^32 − 1, and where its elements begin. */
export function readRawLength(bytes: Uint8Array): { readonly length: number; readonly position: number } {
  let length = 0;
  for (let position = 0; position < 5 && position < bytes.length; position++) {
    const byte = bytes[position]!;
    length += (byte & 127) * 2 ** (7 * position);
    if (byte < 128) {
      if (length >= 2 ** 32) break;
      return { length, position: position + 1 };
    }
  }
  throw malformed();
}

function decodeRaw(bytes: Uint8Array, output: GrowingBytes, sizeMax: number): void {
  const header = readRawLength(bytes);
  let position = header.position;
  const start = output.length;
  const end = start + header.length;
  if (end > sizeMax) throw new DecompressError("too-large", `more than ${sizeMax} bytes when decompressed`);

  function littleEndian(count: number): number {
    if (count > bytes.length - position) throw malformed();
    let value = 0;
    for (let index = 0; index < count; index++) value += bytes[position++]! * 2 ** (8 * index);
    return value;
  }

  while (position < bytes.length) {
    const tag = bytes[position++]!;
    const kind = tag & 3;
    if (kind === 0) {
      const short = tag >> 2;
      const count = 1 + (short < 60 ? short : littleEndian(short - 59));
      if (count > bytes.length - position || output.length + count > end) throw malformed();
      output.append(bytes.subarray(position, position + count));
      position += count;
      continue;
    }
    const count = kind === 1 ? 4 + ((tag >> 2) & 7) : 1 + (tag >> 2);
    const distance = kind === 1 ? ((tag >> 5) << 8) + littleEndian(1) : littleEndian(kind === 2 ? 2 : 4);
    if (distance === 0 || distance > output.length - start || output.length + count > end) throw malformed();
    output.repeat(distance, count);
  }
  if (output.length !== end) throw malformed();
}
