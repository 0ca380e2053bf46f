/** The kernel's module under workerd, where a .wasm import is a compiled module and compiling from bytes is forbidden. */
import module from "../dist/kernel.wasm";
import type { KernelExports } from "./exports.ts";

export { gunzip, gzip, unzstd, zstd } from "./zlib.ts";

export function instantiate(): KernelExports {
  return new WebAssembly.Instance(module).exports as unknown as KernelExports;
}
