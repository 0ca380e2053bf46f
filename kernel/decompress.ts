/**
 * One batch body, whatever its codec. LZ4 and Snappy are kernels; gzip and Zstandard are the platform's, and may be asynchronous
 * there. Nothing here puts out more than `sizeMax` bytes, however small the input that claims more.
 */
import { gunzip, unzstd } from "#kernel-module";
import { DecompressError } from "./decompress-error.ts";
import { kernel } from "./kernel.ts";

/** By the numbers of a batch's attributes: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd. Fails with a DecompressError only. */
export async function decompress(codec: number, bytes: Uint8Array, sizeMax: number): Promise<Uint8Array> {
  if (codec === 0) return bytes;
  if (codec === 1) return gunzip(bytes, sizeMax);
  if (codec === 2) return kernel.decompressSnappy(bytes, sizeMax);
  if (codec === 3) return kernel.decompressLz4(bytes, sizeMax);
  if (codec === 4) return unzstd(bytes, sizeMax);
  throw new DecompressError("codec", `no codec has the number ${codec}`);
}
