/** What users install: small, the same for every runtime, without a trace of Node, and with types that a user's compiler takes. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type * as Library from "../../client/client.ts";
import { buildClient } from "../../scripts/build-client.ts";
import { buildClientIfStale } from "../../scripts/build.ts";
import { fast, sharedServer } from "../e2e/kante-process.ts";
import { Platformatic } from "../e2e/platformatic-client.ts";

const root = join(import.meta.dirname, "../..");
const gzippedBytesMax = 60 * 1024;

beforeAll(async () => {
  await buildClientIfStale();
});

const running = sharedServer({ args: fast });

describe("the client's bundle", () => {
  test.for([["dist/client.js"], ["dist/client.workerd.js", "dist/kernel.wasm"]])(
    "%s: at most 60 KB gzipped, kernels included",
    (files) => {
      const gzipped = files.reduce((sum, file) => sum + gzipSync(readFileSync(join(root, file)), { level: 9 }).byteLength, 0);
      expect(gzipped).toBeLessThanOrEqual(gzippedBytesMax);
    },
  );

  test("imports nothing, least of all from Node", async () => {
    const { metafile } = await buildClient();
    for (const { imports } of Object.values(metafile!.outputs)) expect(imports).toEqual([]);
    const sources = Object.keys(metafile!.inputs);
    expect(sources.filter((path) => !/^(?:client|protocol|kernel|dist)\/|^node_modules\/fzstd\//.test(path))).toEqual([]);
    const text = readFileSync(join(root, "dist/client.js"), "utf8");
    expect(text).not.toMatch(/\b(?:process\.(?:env|nextTick|version)|Buffer\.(?:from|alloc)|__dirname|setImmediate\()/);
    for (const name of builtinModules) expect(text).not.toContain(`"node:${name}"`);
  });

  test("works as it is", async () => {
    const { connect, string } = (await import(
      /* @vite-ignore */ pathToFileURL(join(root, "dist/client.js")).href
    )) as typeof Library;
    await using client = connect(`${running().httpUrl}/c/default/kafka`);
    for (const compression of ["none", "gzip", "snappy", "lz4"] as const)
      await client.producer({ compression }).send("bundle", { value: compression.repeat(20), partition: 0 });
    const values: unknown[] = [];
    for await (const { value } of client.consumer({ topics: ["bundle"], offsetReset: "earliest", value: string })) {
      values.push(value);
      if (values.length === 4) break;
    }
    expect(values).toEqual(["none", "gzip", "snappy", "lz4"].map((name) => name.repeat(20)));
    // Zstandard can be read without the platform's help.
    const theirs = new Platformatic(running().bootstrap, onTestFinished).producer({ compression: "zstd" });
    await theirs.send({ messages: [{ topic: "bundle", value: "zstd".repeat(100), partition: 0 }] });
    const place = { topic: "bundle", partition: 0, offset: 4 };
    for await (const { value } of client.consumer({ partitions: [place], value: string })) {
      expect(value).toBe("zstd".repeat(100));
      break;
    }
    expect(() => client.producer({ compression: "zstd" as "gzip" })).toThrow("no compression is called zstd");
  });

  test.for(["bundler", "nodenext"])("has types that hold in a strict project (%s)", (resolution) => {
    const folder = mkdtempSync(join(tmpdir(), "kante-types-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    mkdirSync(join(folder, "node_modules"));
    symlinkSync(root, join(folder, "node_modules/kante"));
    writeFileSync(
      join(folder, "user.mts"),
      `import { connect, json, string, type ConsumerRecord } from "kante/client";
      interface Order { id: number }
      export async function first(): Promise<ConsumerRecord<string, Order> | undefined> {
        await using kafka = connect("ws://host/c/default/kafka");
        const producer = kafka.producer({ key: string, value: json<Order>() });
        const { offset }: { offset: number } = await producer.send("t", { key: "k", value: { id: 1 } });
        // @ts-expect-error text is no order
        await producer.send("t", { value: String(offset) });
        for await (const record of kafka.consumer({ topics: ["t"], key: string, value: json<Order>() })) return record;
        return undefined;
      }`,
    );
    const args = [
      "--noEmit",
      "--strict",
      "--target",
      "es2023",
      "--lib",
      "es2023,esnext.disposable,dom",
      "--types",
      "",
      "--preserveSymlinks",
    ];
    const module = resolution === "bundler" ? "esnext" : "nodenext";
    const tsc = spawnSync(
      join(root, "node_modules/.bin/tsc"),
      [...args, "--module", module, "--moduleResolution", resolution, "user.mts"],
      {
        cwd: folder,
        encoding: "utf8",
      },
    );
    expect(tsc.stdout).toBe("");
    expect(tsc.status).toBe(0);
  });
});
