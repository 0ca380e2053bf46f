/**
 * LZ4 frames: the plain twin. Checksums inside the frame are stepped over, because the record batch around it carries a CRC of
 * the same bytes; what follows the end mark is ignored, as Kafka's own reader does.
 */
import { DecompressError } from "../decompress-error.ts";
import { GrowingBytes } from "./growing-bytes.ts";

const frameMagic = 0x184d2204;
const flag = { contentChecksum: 4, contentSize: 8, blockChecksum: 16, dictionary: 1 } as const;
const uncompressedBit = 0x8000_0000;

function malformed(): DecompressError {
  return new DecompressError("malformed", "not an LZ4 frame, or a damaged one");
}

export function decompressLz4(frame: Uint8Array, sizeMax: number): Uint8Array {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (frame.length < 7 || view.getUint32(0, true) !== frameMagic) throw malformed();
  const flags = frame[4]!;
  const blockSizeCode = (frame[5]! >> 4) & 7;
  if (flags >> 6 !== 1 || (flags & flag.dictionary) !== 0 || blockSizeCode < 4) throw malformed();
  const blockMax = 1 << (8 + 2 * blockSizeCode);
  const output = new GrowingBytes(Math.min(frame.length * 4, 1 << 20), sizeMax);
  let position = 7 + ((flags & flag.contentSize) !== 0 ? 8 : 0);
  for (;;) {
    if (position + 4 > frame.length) throw malformed();
    const word = view.getUint32(position, true);
    position += 4;
    if (word === 0) return output.finish();
    const size = word & ~uncompressedBit;
    if (size > blockMax || size > frame.length - position) throw malformed();
    const block = frame.subarray(position, position + size);
    if (word >= uncompressedBit) output.append(block);
    else decodeBlock(block, output, blockMax);
    position += size + ((flags & flag.blockChecksum) !== 0 ? 4 : 0);
  }
}

function decodeBlock(block: Uint8Array, output: GrowingBytes, blockMax: number): void {
  const outputMax = output.length + blockMax;
  let position = 0;

  function extended(nibble: number): number {
    if (nibble !== 15) return nibble;
    let length = 15;
    for (;;) {
      if (position >= block.length) throw malformed();
      const byte = block[position++]!;
      length += byte;
      if (byte !== 255) return length;
    }
  }

  for (;;) {
    if (position >= block.length) throw malformed();
    const token = block[position++]!;
    const literals = extended(token >> 4);
    if (literals > block.length - position || output.length + literals > outputMax) throw malformed();
    output.append(block.subarray(position, position + literals));
    position += literals;
    if (position === block.length) return;
    if (position + 2 > block.length) throw malformed();
    const distance = block[position]! | (block[position + 1]! << 8);
    position += 2;
    const count = extended(token & 15) + 4;
    if (distance === 0 || distance > output.length || output.length + count > outputMax) throw malformed();
    output.repeat(distance, count);
  }
}
