/** The kernel's module under Node (scripts, tests, benches, the command line): read from dist/ and compiled on the spot. */
import { readFileSync } from "node:fs";
import type { KernelExports } from "./exports.ts";

export { gunzip, gzip, unzstd, zstd } from "./zlib.ts";

export function instantiate(): KernelExports {
  const module = new WebAssembly.Module(readFileSync(new URL("../dist/kernel.wasm", import.meta.url)));
  return new WebAssembly.Instance(module).exports as unknown as KernelExports;
}
