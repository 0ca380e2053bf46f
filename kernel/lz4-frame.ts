/**
 * The LZ4 frame around the blocks, for both block decoders and the compressor. Checksums inside the frame are stepped over, because the record batch
 * around it carries a CRC of the same bytes; what follows the end mark is ignored, as Kafka's own reader does.
 */
import { DecompressError } from "./decompress-error.ts";
import { GrowingBytes } from "./growing-bytes.ts";

/** Decodes the blocks of one frame in turn; each may refer to the 64 KiB of output before it. */
export interface Lz4BlockDecoder {
  /** Appends at most `blockMax` bytes to the output. */
  decode(block: Uint8Array, output: GrowingBytes, blockMax: number): void;
  /** A block that is stored as it is: already appended, and history for the next. */
  stored(block: Uint8Array): void;
}

const frameMagic = 0x184d2204;
const flag = { contentSize: 8, blockChecksum: 16, dictionary: 1 } as const;
const storedBit = 0x8000_0000;
/** Magic, flags, block size code, header checksum. */
const headerBytesMin = 7;

export function malformedLz4(): DecompressError {
  return new DecompressError("malformed", "not an LZ4 frame, or a damaged one");
}

export function decompressLz4Frame(
  frame: Uint8Array,
  sizeMax: number,
  decoderFor: (blockMax: number) => Lz4BlockDecoder,
): Uint8Array {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (frame.length < headerBytesMin || view.getUint32(0, true) !== frameMagic) throw malformedLz4();
  const flags = frame[4]!;
  const blockSizeCode = (frame[5]! >> 4) & 7;
  if (flags >> 6 !== 1 || (flags & flag.dictionary) !== 0 || blockSizeCode < 4) throw malformedLz4();
  const blockMax = 1 << (8 + 2 * blockSizeCode);
  const decoder = decoderFor(blockMax);
  const output = new GrowingBytes(frame.length * 4, sizeMax);
  let position = headerBytesMin + ((flags & flag.contentSize) !== 0 ? 8 : 0);
  for (;;) {
    if (position + 4 > frame.length) throw malformedLz4();
    const word = view.getUint32(position, true);
    position += 4;
    if (word === 0) return output.finish();
    const size = word % storedBit;
    if (size > blockMax || size > frame.length - position) throw malformedLz4();
    const block = frame.subarray(position, position + size);
    if (word < storedBit) decoder.decode(block, output, blockMax);
    else {
      output.append(block);
      decoder.stored(block);
    }
    position += size + ((flags & flag.blockChecksum) !== 0 ? 4 : 0);
  }
}

/** Version 1, independent blocks of 64 KiB, no checksums but the header's own. */
const frameHeader = Uint8Array.of(0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82);
const blockBytes = 65_536;

export function compressLz4Frame(bytes: Uint8Array, compressBlock: (block: Uint8Array) => Uint8Array): Uint8Array {
  const output = new GrowingBytes(bytes.length + 64, Infinity);
  output.append(frameHeader);
  const word = new Uint8Array(4);
  for (let position = 0; position < bytes.length; position += blockBytes) {
    const block = bytes.subarray(position, position + blockBytes);
    const compressed = compressBlock(block);
    const stored = compressed.length >= block.length;
    new DataView(word.buffer).setUint32(0, stored ? storedBit + block.length : compressed.length, true);
    output.append(word);
    output.append(stored ? block : compressed);
  }
  output.append(new Uint8Array(4));
  return output.finish();
}
