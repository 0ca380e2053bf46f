/**
 * Bundles the contract for runtimes without Vitest, around the library as it is shipped (dist/client.js), not around its sources: one
 * module, which gives `runContract`.
 */
import { join } from "node:path";
import { build } from "esbuild";
import { buildClientIfStale } from "../../../scripts/build.ts";

const root = join(import.meta.dirname, "../../..");

export async function contractBundle(): Promise<string> {
  await buildClientIfStale();
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ["test/client/runtimes/contract-program.ts"],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    platform: "browser",
    logLevel: "error",
    plugins: [
      {
        name: "as-shipped",
        setup(setup) {
          setup.onResolve({ filter: /^vitest$/ }, () => ({ path: join(import.meta.dirname, "little-vitest.ts") }));
          setup.onResolve({ filter: /client\/client\.ts$/ }, () => ({ path: join(root, "dist/client.js") }));
        },
      },
    ],
  });
  return outputFiles[0]!.text;
}
