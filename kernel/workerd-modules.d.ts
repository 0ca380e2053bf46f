/** What workerd offers to import beyond its types: compiled WebAssembly, and the part of Node's zlib that is used here. */
declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}

declare module "node:zlib" {
  interface InflateOptions {
    readonly maxOutputLength: number;
  }
  export function gzipSync(bytes: Uint8Array): Uint8Array;
  export function zstdCompressSync(bytes: Uint8Array): Uint8Array;
  export function gunzipSync(bytes: Uint8Array, options: InflateOptions): Uint8Array;
  export function zstdDecompressSync(bytes: Uint8Array, options: InflateOptions): Uint8Array;
}
