/**
 * What lies around Snappy's elements, for both decoders of those and the compressor: the length that a raw stream opens with (librdkafka), and
 * xerial's framing of chunks (Java, kafkajs). The framing is told by its magic, which no raw stream can begin with, since it would
 * open with a copy out of nothing.
 */
import { DecompressError } from "./decompress-error.ts";
import { GrowingBytes, tooLarge } from "./growing-bytes.ts";

/** Appends exactly `length` bytes, or throws. */
export type SnappyDecoder = (elements: Uint8Array, output: GrowingBytes, length: number) => void;

const xerialMagic = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00] as const;
/** The magic and two versions. */
const xerialHeaderBytes = 16;

export function malformedSnappy(): DecompressError {
  return new DecompressError("malformed", "not a Snappy stream, or a damaged one");
}

export function decompressSnappyStream(bytes: Uint8Array, sizeMax: number, decode: SnappyDecoder): Uint8Array {
  const output = new GrowingBytes(bytes.length * 4, sizeMax);
  if (!isXerial(bytes)) {
    decodeRaw(bytes, output, decode);
    return output.finish();
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let position = xerialHeaderBytes; position < bytes.length;) {
    if (position + 4 > bytes.length) throw malformedSnappy();
    const size = view.getUint32(position);
    position += 4;
    if (size > bytes.length - position) throw malformedSnappy();
    decodeRaw(bytes.subarray(position, position + size), output, decode);
    position += size;
  }
  return output.finish();
}

function isXerial(bytes: Uint8Array): boolean {
  return bytes.length >= xerialHeaderBytes && xerialMagic.every((byte, index) => bytes[index] === byte);
}

function decodeRaw(bytes: Uint8Array, output: GrowingBytes, decode: SnappyDecoder): void {
  let length = 0;
  for (let position = 0; position < 5 && position < bytes.length; position++) {
    const byte = bytes[position]!;
    length += (byte & 127) * 2 ** (7 * position);
    if (byte >= 128) continue;
    if (length >= 2 ** 32) break;
    if (length > output.sizeMax - output.length) throw tooLarge(output.sizeMax);
    decode(bytes.subarray(position + 1), output, length);
    return;
  }
  throw malformedSnappy();
}

/** As large as Java's chunks. */
const chunkBytes = 32_768;

/** In xerial's framing, which every client reads, so that no chunk is too large for two bytes of distance. */
export function compressSnappyStream(bytes: Uint8Array, compressElements: (chunk: Uint8Array) => Uint8Array): Uint8Array {
  const output = new GrowingBytes(bytes.length + 64, Infinity);
  output.append(Uint8Array.of(...xerialMagic, 0, 0, 0, 1, 0, 0, 0, 1));
  for (let position = 0; position < bytes.length; position += chunkBytes) {
    const chunk = bytes.subarray(position, position + chunkBytes);
    const elements = compressElements(chunk);
    const length = varintOf(chunk.length);
    const size = new Uint8Array(4);
    new DataView(size.buffer).setUint32(0, length.length + elements.length);
    output.append(size);
    output.append(length);
    output.append(elements);
  }
  return output.finish();
}

function varintOf(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest >>>= 7) bytes.push((rest & 127) | 128);
  return Uint8Array.from([...bytes, rest]);
}
