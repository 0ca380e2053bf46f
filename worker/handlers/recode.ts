/**
 * The codec that a topic wants its batches to rest in (compression.type), where it is not the one the producer chose. Header fields
 * stay, but for codec, length and checksum.
 */
import { compress } from "../../kernel/compress.ts";
import type { ValidatedBatch } from "../../kernel/interface.ts";
import { kernel } from "../../kernel/kernel.ts";

const headerBytes = 61;
const prologueBytes = 12;
const lengthPosition = 8;
const crcPosition = 17;
const attributesPosition = 21;
const codecMask = 0x07;

const codecs: ReadonlyMap<string, number> = new Map([
  ["uncompressed", 0],
  ["gzip", 1],
  ["snappy", 2],
  ["lz4", 3],
  ["zstd", 4],
]);

/** Undefined when the batch may stay as it is. */
export function codecWanted(compressionType: string, { attributes }: Pick<ValidatedBatch, "attributes">): number | undefined {
  const codec = codecs.get(compressionType);
  return codec === (attributes & codecMask) ? undefined : codec;
}

export interface Recoded {
  readonly records: Uint8Array;
  readonly batch: ValidatedBatch;
}

/** `records` is the one batch, `body` its records uncompressed. */
export async function recode(records: Uint8Array, batch: ValidatedBatch, body: Uint8Array, codec: number): Promise<Recoded> {
  const packed = await compress(codec, body);
  const recoded = new Uint8Array(headerBytes + packed.byteLength);
  recoded.set(records.subarray(0, headerBytes));
  recoded.set(packed, headerBytes);
  const attributes = (batch.attributes & ~codecMask) | codec;
  const view = new DataView(recoded.buffer);
  view.setInt32(lengthPosition, recoded.byteLength - prologueBytes);
  view.setInt16(attributesPosition, attributes);
  view.setUint32(crcPosition, kernel.crc32c(recoded.subarray(attributesPosition)));
  return { records: recoded, batch: { ...batch, size: recoded.byteLength, attributes } };
}
