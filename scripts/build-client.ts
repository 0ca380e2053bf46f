/**
 * Bundles the client library into dist/: one module without imports for browsers, Node, Deno and Bun, the kernels inside of it; and one
 * for Workers, where WebAssembly has to be a module beside it. Both use web APIs only. The TCP transport is a third, for Node, that knows the library
 * by its name, so that both have the same errors. The types come from the sources.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { type BuildOptions, type BuildResult, build } from "esbuild";

const root = join(import.meta.dirname, "..");

const options: BuildOptions = {
  absWorkingDir: root,
  entryPoints: ["client/client.ts"],
  bundle: true,
  minify: true,
  keepNames: false,
  format: "esm",
  target: "es2023",
  platform: "browser",
  sourcemap: true,
  logLevel: "warning",
};

/** Fails when anything in it needs Node. */
export async function buildClient(): Promise<BuildResult> {
  await build({
    ...options,
    outfile: "dist/client.workerd.js",
    plugins: [
      {
        name: "wasm-beside-the-bundle",
        setup: (setup) => setup.onResolve({ filter: /\.wasm$/ }, () => ({ path: "./kernel.wasm", external: true })),
      },
    ],
  });
  return await build({ ...options, outfile: "dist/client.js", loader: { ".wasm": "binary" }, metafile: true });
}

async function buildTcp(): Promise<void> {
  await build({
    ...options,
    entryPoints: ["client/tcp.ts"],
    outfile: "dist/client-tcp.js",
    platform: "node",
    plugins: [
      {
        name: "the-library-by-its-name",
        setup: (setup) => setup.onResolve({ filter: /errors\.ts$/ }, () => ({ path: "kante/client", external: true })),
      },
    ],
  });
}

/** Those of the TCP transport need Node's, and bring the library's with them. */
function buildTypes(): void {
  const tsc = join(root, "node_modules/.bin/tsc");
  const args = ["-p", "tsconfig.tcp.json", "--noEmit", "false", "--declaration", "--emitDeclarationOnly", "--outDir", "dist/types"];
  const { status, stdout } = spawnSync(tsc, args, { cwd: root, encoding: "utf8" });
  if (status !== 0) throw new Error(`the client's types cannot be made:\n${stdout}`);
}

export async function buildClientPackage(): Promise<void> {
  await buildClient();
  await buildTcp();
  buildTypes();
}

if (import.meta.main) await buildClientPackage();
