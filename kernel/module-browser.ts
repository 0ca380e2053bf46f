/**
 * The kernel's module in a browser, for bundlers that turn a .wasm import into its bytes (esbuild's `binary` loader): it is small
 * enough to be compiled at once. gzip is the browser's (and every other runtime's with web streams); Zstandard is fzstd's, which malformed bytes can send into an endless loop,
 * so this module is for reading what a broker has sent, never for a broker.
 */
import { Decompress } from "fzstd";
import wasmBytes from "../dist/kernel.wasm";
import { DecompressError } from "./decompress-error.ts";
import type { KernelExports } from "./exports.ts";
import { GrowingBytes } from "./growing-bytes.ts";

export function instantiate(): KernelExports {
  // Workers get a compiled module for the same import, and may not compile bytes.
  const module = (wasmBytes as unknown) instanceof WebAssembly.Module ? wasmBytes : new WebAssembly.Module(wasmBytes);
  return new WebAssembly.Instance(module).exports as unknown as KernelExports;
}

export async function gunzip(compressed: Uint8Array, sizeMax: number): Promise<Uint8Array> {
  try {
    return await through(new DecompressionStream("gzip"), compressed, sizeMax);
  } catch (error) {
    throw asDecompressError(error);
  }
}

export function gzip(plain: Uint8Array): Promise<Uint8Array> {
  return through(new CompressionStream("gzip"), plain, Infinity);
}

export function zstd(): never {
  throw new DecompressError("codec", "a browser cannot compress with Zstandard");
}

async function through(stream: CompressionStream | DecompressionStream, bytes: Uint8Array, sizeMax: number): Promise<Uint8Array> {
  const output = new GrowingBytes(bytes.length, sizeMax);
  const writer = stream.writable.getWriter();
  // Its failure is the reader's too, which is the one that is awaited.
  writer
    .write(bytes as Uint8Array<ArrayBuffer>)
    .then(() => writer.close())
    .catch(() => {});
  const reader = stream.readable.getReader();
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) output.append(read.value);
    return output.finish();
  } finally {
    reader.cancel().catch(() => {});
  }
}

export function unzstd(compressed: Uint8Array, sizeMax: number): Uint8Array {
  const output = new GrowingBytes(compressed.length * 4, sizeMax);
  try {
    const stream = new Decompress((chunk) => output.append(chunk));
    stream.push(compressed, true);
    return output.finish();
  } catch (error) {
    throw asDecompressError(error);
  }
}

function asDecompressError(error: unknown): DecompressError {
  return error instanceof DecompressError ? error : new DecompressError("malformed", String(error));
}
