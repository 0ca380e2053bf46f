/**
 * One module for workerd from an entry of tests or benches, held in memory: how the repository's own parts are put into the real
 * runtime without the whole Worker. The kernel stays a module of its own, as in the deployed bundle; whoever needs it hands it in.
 */
import { build, type PluginBuild } from "esbuild";
import { join } from "node:path";

/** The path is from the root of the repository. */
export async function bundleForWorkerd(entry: string): Promise<string> {
  const result = await build({
    entryPoints: [entry],
    absWorkingDir: join(import.meta.dirname, ".."),
    bundle: true,
    write: false,
    format: "esm",
    target: "es2024",
    conditions: ["workerd"],
    external: ["cloudflare:*", "node:*"],
    logLevel: "error",
    plugins: [{ name: "wasm-beside-the-bundle", setup: leaveWasmOut }],
  });
  return result.outputFiles[0]!.text;
}

/** A compiled module is handed out for it by the runtime. */
function leaveWasmOut(setup: PluginBuild): void {
  setup.onResolve({ filter: /\.wasm$/ }, () => ({ path: "./kernel.wasm", external: true }));
}
