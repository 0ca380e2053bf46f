/** The kernel is one, its runtimes three: Node is where all other tests run, so here are workerd and what a browser would load. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { kernel } from "../../kernel/kernel.ts";
import { goldenRecords } from "./golden-records.ts";
import type { Finding } from "./workerd/probe.ts";

const root = join(import.meta.dirname, "../..");
const folder = join(import.meta.dirname, "golden");
const files = readdirSync(folder).filter((name) => /-(?:gzip|snappy|lz4|zstd)\.bin$/.test(name));
const probePath = join(import.meta.dirname, "workerd/probe.ts");
const shared = {
  bundle: true,
  write: false,
  format: "esm",
  target: "es2024",
  logLevel: "error",
} as const;

async function probeOfWorkerd(): Promise<{ examine: (set: Uint8Array) => Promise<Finding>; stop: () => Promise<void> }> {
  const bundle = await build({
    ...shared,
    entryPoints: [probePath],
    conditions: ["workerd", "browser"],
    external: ["node:*", "*.wasm"],
  });
  const script = bundle.outputFiles[0]!.text.replaceAll(/"[./]+\/dist\/kernel\.wasm"/g, '"./kernel.wasm"');
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      modules: [
        { type: "ESModule", path: "probe.js", contents: script },
        { type: "CompiledWasm", path: "kernel.wasm", contents: readFileSync(join(root, "dist/kernel.wasm")) },
      ],
      compatibilityDate: "2026-11-01",
      telemetry: { enabled: false },
      cf: false,
    }),
  );
  await miniflare.ready;
  return {
    async examine(set) {
      const response = await miniflare.dispatchFetch("http://probe/", { method: "POST", body: set });
      return (await response.json()) as Finding;
    },
    stop: () => miniflare.dispose(),
  };
}

async function probeOfBrowsers(): Promise<{ examine: (set: Uint8Array) => Promise<Finding>; stop: () => Promise<void> }> {
  const bundle = await build({ ...shared, entryPoints: [probePath], platform: "browser", loader: { ".wasm": "binary" } });
  const path = join(root, "dist/kernel-probe.mjs");
  writeFileSync(path, bundle.outputFiles[0]!.contents);
  const { examine } = (await import(/* @vite-ignore */ pathToFileURL(path).href)) as {
    examine: (set: Uint8Array) => Promise<Finding>;
  };
  return { examine, stop: async () => rmSync(path) };
}

describe.each([
  ["workerd", probeOfWorkerd],
  ["a browser's bundle", probeOfBrowsers],
] as const)("the kernel in %s", (_name, start) => {
  let probe: Awaited<ReturnType<typeof start>>;
  beforeAll(async () => {
    probe = await start();
  });
  afterAll(() => probe.stop());

  test.each(files)("opens %s, and keeps its limits", async (name) => {
    const set = new Uint8Array(readFileSync(join(folder, name)));
    expect(await probe.examine(set)).toEqual({
      crc: kernel.crc32c(set),
      valid: true,
      recordCount: goldenRecords.length,
      faults: ["none", "too-large", "malformed", "malformed"],
    });
  });
});
