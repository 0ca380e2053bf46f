/** LZ4 blocks in plain TypeScript, straight from the format's description: the oracle for the kernel's decoder. */
import type { GrowingBytes } from "../growing-bytes.ts";
import { tooLarge } from "../growing-bytes.ts";
import { decompressLz4Frame, malformedLz4 } from "../lz4-frame.ts";

export function decompressLz4(frame: Uint8Array, sizeMax: number): Uint8Array {
  return decompressLz4Frame(frame, sizeMax, () => ({ decode: decodeBlock, stored: () => {} }));
}

function decodeBlock(block: Uint8Array, output: GrowingBytes, blockMax: number): void {
  const limit = Math.min(blockMax, output.sizeMax - output.length);
  const end = output.length + limit;
  let position = 0;

  function extended(nibble: number): number {
    if (nibble !== 15) return nibble;
    let length = 15;
    for (;;) {
      if (position >= block.length) throw malformedLz4();
      const byte = block[position++]!;
      length += byte;
      if (byte !== 255) return length;
    }
  }

  function checkRoom(count: number): void {
    if (count > end - output.length) throw limit < blockMax ? tooLarge(output.sizeMax) : malformedLz4();
  }

  while (position < block.length) {
    const token = block[position++]!;
    const literals = extended(token >> 4);
    if (literals > block.length - position) throw malformedLz4();
    checkRoom(literals);
    output.append(block.subarray(position, position + literals));
    position += literals;
    if (position === block.length) return;
    if (position + 2 > block.length) throw malformedLz4();
    const distance = block[position]! | (block[position + 1]! << 8);
    position += 2;
    const count = extended(token & 15) + 4;
    if (distance === 0 || distance > output.length) throw malformedLz4();
    checkRoom(count);
    output.repeat(distance, count);
  }
  throw malformedLz4();
}
