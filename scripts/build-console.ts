/**
 * Bundles the console into dist/assets, which the Worker serves: the page, one script with the client library and its kernels inside, one
 * stylesheet, an icon. Script and stylesheet are named by their contents, so that browsers may keep them for ever.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build } from "esbuild";

const root = join(import.meta.dirname, "..");
const assets = join(root, "dist/assets");

export async function buildConsole(): Promise<void> {
  // The index comes last: it is what tells a finished build.
  rmSync(assets, { recursive: true, force: true });
  mkdirSync(join(assets, "console"), { recursive: true });
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ["console/main.tsx"],
    outdir: "dist/assets/console",
    entryNames: "[name]-[hash]",
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2023",
    platform: "browser",
    jsx: "automatic",
    jsxImportSource: "preact",
    loader: { ".wasm": "binary" },
    logLevel: "warning",
    metafile: true,
  });
  const names = Object.keys(metafile.outputs).map((path) => basename(path));
  const named = (ending: string): string => names.find((name) => name.endsWith(ending)) ?? "";
  const icon = readFileSync(join(root, "console/icon.svg"));
  writeFileSync(join(assets, "console/icon.svg"), icon);
  const page = readFileSync(join(root, "console/index.html"), "utf8");
  writeFileSync(
    join(assets, "index.html"),
    page.replace("main.css", `/console/${named(".css")}`).replace("main.js", `/console/${named(".js")}`),
  );
}

if (import.meta.main) await buildConsole();
