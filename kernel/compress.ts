/**
 * One batch body for any codec, as a producer needs it. LZ4 and Snappy are kernels; gzip and Zstandard are the platform's, of which
 * a browser has only the first.
 */
import { gzip, zstd } from "#kernel-module";
import { DecompressError } from "./decompress-error.ts";
import { compressLz4Block, compressSnappyBlock } from "./kernel.ts";
import { compressLz4Frame } from "./lz4-frame.ts";
import { compressSnappyStream } from "./snappy-frame.ts";

/** By the numbers of a batch's attributes: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd. Fails when this runtime doesn't have the codec. */
export async function compress(codec: number, bytes: Uint8Array): Promise<Uint8Array> {
  if (codec === 0) return bytes;
  if (codec === 1) return gzip(bytes);
  if (codec === 2) return compressSnappyStream(bytes, compressSnappyBlock);
  if (codec === 3) return compressLz4Frame(bytes, compressLz4Block);
  if (codec === 4) return zstd(bytes);
  throw new DecompressError("codec", `no codec has the number ${codec}`);
}
