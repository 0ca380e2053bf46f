/**
 * Compiles assembly/ into dist/kernel.wasm: SIMD, flat memory, no runtime and no imports, so that instantiating the module needs
 * nothing but the module.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { main as compile } from "assemblyscript/asc";

const root = join(import.meta.dirname, "..");
const options = ["-O3", "--noAssert", "--converge", "--runtime", "stub", "--enable", "simd", "--use", "abort="];

export async function buildKernels(): Promise<void> {
  mkdirSync(join(root, "dist"), { recursive: true });
  const { error, stderr }: { error: Error | null; stderr: { toString(): string } } = await compile([
    "assembly/index.ts",
    "--baseDir",
    root,
    "--outFile",
    "dist/kernel.wasm",
    ...options,
  ]);
  if (error !== null) throw new Error(`assembly/ does not compile: ${error.message}\n${stderr.toString()}`);
}

if (import.meta.main) await buildKernels();
