/**
 * Bundles the Worker into dist/: one module and the kernels beside it, the same bytes for the local server and for Cloudflare.
 * It isn't minified, so classes keep their names; esbuild's keepNames would name every closure anew each time it is made, which the
 * hot paths pay for.
 */
import { join } from "node:path";
import { type BuildResult, type Plugin, build } from "esbuild";

const root = join(import.meta.dirname, "..");

/** A .wasm import stays an import: the runtime hands out a compiled module for it, wherever the importing file was. */
const wasmBesideTheBundle: Plugin = {
  name: "wasm-beside-the-bundle",
  setup(setup) {
    setup.onResolve({ filter: /\.wasm$/ }, (args) => ({ path: `./${args.path.split("/").at(-1) ?? ""}`, external: true }));
  },
};

export async function buildWorker(): Promise<BuildResult> {
  return await build({
    absWorkingDir: root,
    entryPoints: ["worker/entry.ts"],
    outfile: "dist/worker.js",
    bundle: true,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "node:*"],
    sourcemap: true,
    logLevel: "warning",
    plugins: [wasmBesideTheBundle],
  });
}
