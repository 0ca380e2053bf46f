/**
 * gzip and Zstandard by Node's zlib, which workerd has too: the reference decoders, native, which neither hang nor swell on what
 * strangers send. The pure JavaScript ones do (see module-browser.ts).
 */
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { DecompressError } from "./decompress-error.ts";
import { tooLarge } from "./growing-bytes.ts";

/** workerd counts its output in whole chunks of 16 KiB: it needs some room above the limit that is then checked to the byte. */
const roundingBytes = 65_536;

export function gunzip(bytes: Uint8Array, sizeMax: number): Uint8Array {
  return bounded(gunzipSync, bytes, sizeMax);
}

export function unzstd(bytes: Uint8Array, sizeMax: number): Uint8Array {
  return bounded(zstdDecompressSync, bytes, sizeMax);
}

export function gzip(bytes: Uint8Array): Uint8Array {
  return withoutBuffer(gzipSync(bytes));
}

export function zstd(bytes: Uint8Array): Uint8Array {
  return withoutBuffer(zstdCompressSync(bytes));
}

type Inflate = (bytes: Uint8Array, options: { readonly maxOutputLength: number }) => Uint8Array;

function bounded(inflate: Inflate, bytes: Uint8Array, sizeMax: number): Uint8Array {
  // workerd takes no bytes for a whole stream of nothing.
  if (bytes.length === 0) throw new DecompressError("malformed", "no compressed bytes");
  let output: Uint8Array;
  try {
    output = inflate(bytes, { maxOutputLength: sizeMax + roundingBytes });
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge(sizeMax);
    throw new DecompressError("malformed", String(error));
  }
  if (output.length > sizeMax) throw tooLarge(sizeMax);
  return withoutBuffer(output);
}

/** Node's Buffer is a Uint8Array whose slice shares memory. */
function withoutBuffer(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
