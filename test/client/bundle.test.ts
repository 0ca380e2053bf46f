/** What users install: small, the same for every runtime, without a trace of Node, and with types that a user's compiler takes. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
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
});

/** The package as npm would send it, installed where nothing else is: it needs nothing else. */
describe("the package, installed", () => {
  let project = "";

  function run(command: string, args: readonly string[]): string {
    const { status, stdout, stderr } = spawnSync(command, args, { cwd: project, encoding: "utf8" });
    expect({ status, stderr: status === 0 ? "" : `${stdout}${stderr}` }).toEqual({ status: 0, stderr: "" });
    return stdout;
  }

  beforeAll(() => {
    project = mkdtempSync(join(tmpdir(), "kante-installed-"));
    writeFileSync(join(project, "package.json"), JSON.stringify({ name: "a-user", private: true, type: "module" }));
    const pack = spawnSync("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", project], {
      cwd: root,
      encoding: "utf8",
    });
    run("npm", ["install", "--offline", "--no-audit", "--no-fund", "--silent", join(project, pack.stdout.trim())]);
  }, 60_000);

  afterAll(() => rmSync(project, { recursive: true, force: true }));

  test("is the library, its types and its page, and nothing beside", () => {
    expect(readdirSync(join(project, "node_modules")).filter((name) => !name.startsWith("."))).toEqual(["kante"]);
    const files = readdirSync(join(project, "node_modules/kante"), { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    expect(
      files
        .filter(({ name }) => name.endsWith(".ts") && !name.endsWith(".d.ts"))
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual(["consume-worker.ts", "produce-worker.ts", "tail.ts"]);
  });

  test.for(["bundler", "nodenext"])("has types that hold in a strict project (%s)", (resolution) => {
    writeFileSync(
      join(project, "user.mts"),
      `import { connect, json, string, KafkaError, type ConsumerRecord, type OffsetChange } from "kante/client";
      import { tcpTransport } from "kante/client/tcp";
      interface Order { id: number }
      export async function first(): Promise<ConsumerRecord<string, Order> | undefined> {
        await using kafka = connect("ws://host/c/default/kafka");
        connect("", { transport: tcpTransport("host:9092", { openTimeoutMs: 1000 }) }).close();
        const producer = kafka.producer({ key: string, value: json<Order>() });
        const { offset }: { offset: number } = await producer.send("t", { key: "k", value: { id: 1 } });
        // @ts-expect-error text is no order
        await producer.send("t", { value: String(offset) });
        const changes: OffsetChange[] = await kafka.admin().resetGroupOffsets("g", "latest", { validateOnly: true });
        if (changes.length > 0) throw new KafkaError(1);
        for await (const record of kafka.consumer({ topics: ["t"], key: string, value: json<Order>() })) return record;
        return undefined;
      }`,
    );
    const module = resolution === "bundler" ? "esnext" : "nodenext";
    const strict = ["--noEmit", "--strict", "--target", "es2023", "--lib", "es2023,esnext.disposable,dom", "--types", ""];
    run(join(root, "node_modules/.bin/tsc"), [...strict, "--module", module, "--moduleResolution", resolution, "user.mts"]);
  });

  test("runs in Node as it is, bundled for a browser, and bundled for Workers beside its kernels", async () => {
    const program = `import { connect, murmur2 } from "kante/client";
      const kafka = connect("ws://127.0.0.1:1/c/default/kafka");
      console.log(typeof kafka.producer, murmur2(new TextEncoder().encode("21")));`;
    writeFileSync(join(project, "program.js"), program);
    expect(run(process.execPath, ["program.js"])).toBe("function -973932308\n");
    const bundle = async (conditions: string[]) => {
      const { metafile } = await build({
        absWorkingDir: project,
        entryPoints: ["program.js"],
        bundle: true,
        write: false,
        metafile: true,
        format: "esm",
        conditions,
        external: ["*.wasm"],
        logLevel: "error",
      });
      return Object.values(metafile.outputs).flatMap(({ imports, inputs }) => [
        ...Object.keys(inputs),
        ...imports.map(({ path }) => path),
      ]);
    };
    expect(await bundle(["browser"])).toEqual(["node_modules/kante/dist/client.js", "program.js"]);
    expect(await bundle(["workerd"])).toEqual([
      "node_modules/kante/dist/client.workerd.js",
      "program.js",
      expect.stringMatching(/kernel\.wasm$/),
    ]);
  });

  test("goes by TCP in Node, with the library's own errors", () => {
    writeFileSync(
      join(project, "tcp.js"),
      `import { ArgumentError, NetworkError, connect } from "kante/client";
      import { tcpTransport } from "kante/client/tcp";
      await using kafka = connect("", { transport: tcpTransport(process.argv[2]) });
      const { partition, offset } = await kafka.producer().send("by-tcp", { value: "hello", partition: 0 });
      const refused = await tcpTransport("127.0.0.1:1").open({ host: "127.0.0.1", port: 1 }, {}).catch((error) => error);
      const wrong = ["", "host", "host:0", "host:65536", "a:b:1", "[::1"].map((address) => {
        try { tcpTransport(address); } catch (error) { return error instanceof ArgumentError; }
      });
      console.log(partition, offset, refused instanceof NetworkError, refused.message, wrong.join(), tcpTransport("[::1]:9092").bootstrap.host);`,
    );
    expect(run(process.execPath, ["tcp.js", running().bootstrap])).toBe(
      "0 0 true cannot connect to 127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1 true,true,true,true,true,true ::1\n",
    );
  });

  test("says that its command runs from a clone", () => {
    const { status, stderr } = spawnSync(join(project, "node_modules/.bin/kante"), ["start"], { encoding: "utf8" });
    expect([status, stderr]).toEqual([1, expect.stringContaining("from a clone of the repository")]);
  });
});
