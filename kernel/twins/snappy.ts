/** Snappy's elements in plain TypeScript, straight from the format's description: the oracle for the kernel's decoder. */
import type { GrowingBytes } from "../growing-bytes.ts";
import { decompressSnappyStream, malformedSnappy } from "../snappy-frame.ts";

export function decompressSnappy(bytes: Uint8Array, sizeMax: number): Uint8Array {
  return decompressSnappyStream(bytes, sizeMax, decodeElements);
}

export function decodeElements(elements: Uint8Array, output: GrowingBytes, outputLength: number): void {
  const start = output.length;
  const end = start + outputLength;
  let position = 0;

  function littleEndian(count: number): number {
    if (count > elements.length - position) throw malformedSnappy();
    let value = 0;
    for (let index = 0; index < count; index++) value += elements[position++]! * 2 ** (8 * index);
    return value;
  }

  while (position < elements.length) {
    const tag = elements[position++]!;
    const kind = tag & 3;
    if (kind === 0) {
      const short = tag >> 2;
      const count = 1 + (short < 60 ? short : littleEndian(short - 59));
      if (count > elements.length - position || output.length + count > end) throw malformedSnappy();
      output.append(elements.subarray(position, position + count));
      position += count;
      continue;
    }
    const count = kind === 1 ? 4 + ((tag >> 2) & 7) : 1 + (tag >> 2);
    const distance = kind === 1 ? ((tag >> 5) << 8) + littleEndian(1) : littleEndian(kind === 2 ? 2 : 4);
    if (distance === 0 || distance > output.length - start || output.length + count > end) throw malformedSnappy();
    output.repeat(distance, count);
  }
  if (output.length !== end) throw malformedSnappy();
}
