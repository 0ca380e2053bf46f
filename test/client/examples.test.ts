/** The example programs do what they say: run as they are, against the real server. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { Miniflare, convertV4MiniflareOptions } from "miniflare";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { type Client, connect, json, string } from "../../client/client.ts";
import { compatibilityDate } from "../../bin/engine.ts";
import { buildClientIfStale } from "../../scripts/build.ts";
import { eventually, fast, httpPortOf, sharedServer } from "../e2e/kante-process.ts";
import { take } from "./contract-steps.ts";

const root = join(import.meta.dirname, "../..");
const running = sharedServer({ args: fast });
const urlOf = (): string => `ws://127.0.0.1:${httpPortOf(running())}/c/default/kafka`;

beforeAll(async () => {
  await buildClientIfStale();
});

function opened(): Client {
  const client = connect(urlOf());
  onTestFinished(() => client.close());
  return client;
}

/** An example in workerd, bound to the running server as it would be to the deployed one. */
async function worker(path: string, totals: unknown[]): Promise<Miniflare> {
  const bundle = await build({
    absWorkingDir: root,
    entryPoints: [path],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    conditions: ["workerd"],
    logLevel: "error",
    plugins: [
      {
        name: "wasm-beside-the-bundle",
        setup: (setup) => setup.onResolve({ filter: /\.wasm$/ }, () => ({ path: "./kernel.wasm", external: true })),
      },
    ],
  });
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      modules: [
        { type: "ESModule", path: "example.js", contents: bundle.outputFiles[0]!.text },
        { type: "CompiledWasm", path: "kernel.wasm", contents: readFileSync(join(root, "dist/kernel.wasm")) },
      ],
      compatibilityDate,
      telemetry: { enabled: false },
      cf: false,
      serviceBindings: {
        KANTE: { external: { address: `127.0.0.1:${httpPortOf(running())}`, http: {} } },
        TOTALS: async (request: { json(): Promise<unknown> }) => {
          totals.push(await request.json());
          return new Response("noted");
        },
      },
    } as unknown as Parameters<typeof convertV4MiniflareOptions>[0]),
  );
  onTestFinished(() => miniflare.dispose());
  await miniflare.ready;
  return miniflare;
}

test("a Worker produces from fetch, another consumes by cron and goes on where it was", { timeout: 60_000 }, async () => {
  const totals: { sum: number }[] = [];
  const [producing, consuming] = [
    await worker("examples/produce-worker.ts", []),
    await worker("examples/consume-worker.ts", totals),
  ];
  const post = async (amount: number) =>
    await producing.dispatchFetch("http://example/orders?key=k", { method: "POST", body: JSON.stringify({ amount }) });
  const cron = async () => {
    const { outcome } = (await (await consuming.getWorker()).scheduled({ cron: "* * * * *" })) as { outcome: string };
    expect(outcome).toBe("ok");
  };
  await cron();
  expect(totals).toEqual([]);
  const response = await post(1);
  expect(response.status).toBe(201);
  expect(await response.json()).toMatchObject({ topic: "orders", offset: 0 });
  await post(2);
  expect((await producing.dispatchFetch("http://example/bad%20name", { method: "POST", body: "x" })).status).toBe(400);
  await cron();
  expect(totals.reduce((sum, each) => sum + each.sum, 0)).toBe(3);
  await cron();
  expect(totals.reduce((sum, each) => sum + each.sum, 0)).toBe(3);
  await post(4);
  await cron();
  expect(totals.reduce((sum, each) => sum + each.sum, 0)).toBe(7);
});

test("tail follows a topic in Node, and ends when it is interrupted", async () => {
  const producer = opened().producer();
  await producer.send("tailed", { key: "k", value: "before", partition: 1 });
  const child = spawn(process.execPath, [join(root, "examples/tail.ts"), urlOf(), "tailed", "--from-beginning"], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
  await eventually(() => lines.length === 1);
  await producer.send("tailed", { value: "after", partition: 1 });
  await eventually(() => lines.length === 2);
  expect(lines.map((line) => line.slice(25))).toEqual(["1:0 k before", "1:1 - after"]);
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGINT");
  expect(await ended).toBe(0);
});

/** As much of a page as the chat touches. */
function page() {
  const lines: { textContent: string }[] = [];
  const form = {
    elements: { name: { value: "Ada" }, text: { value: "" } },
    submit: undefined as ((event: unknown) => Promise<void>) | undefined,
    addEventListener(_type: string, work: (event: unknown) => Promise<void>) {
      form.submit = work;
    },
  };
  const elements: Record<string, unknown> = {
    form,
    status: { textContent: "" },
    messages: { append: (line: { textContent: string }) => lines.push(line) },
  };
  return { lines, form, document: { getElementById: (id: string) => elements[id], createElement: () => ({ textContent: "" }) } };
}

test("the chat shows what others write and sends what is typed", async () => {
  const client = opened();
  const others = client.producer({ value: json() });
  await others.send("chat", { key: "room", value: { name: "Bob", text: "hello" } });
  const { lines, form, document } = page();
  const html = readFileSync(join(root, "examples/chat.html"), "utf8");
  const script = /<script type="module">(?<script>[\s\S]*)<\/script>/.exec(html)?.groups?.["script"] ?? "";
  const library = pathToFileURL(join(root, "dist/client.js")).href;
  Object.assign(globalThis, { document, location: { search: `?url=${encodeURIComponent(urlOf())}`, origin: "http://localhost" } });
  const module = script.replace('"./client.js"', JSON.stringify(library));
  // It follows the topic for as long as the page lives.
  void import(/* @vite-ignore */ `data:text/javascript,${encodeURIComponent(module)}`);
  await eventually(() => lines.length === 1);
  expect(lines[0]!.textContent).toMatch(/Bob: hello$/);
  form.elements.text.value = "hello Bob";
  await form.submit!({ preventDefault: () => {} });
  await eventually(() => lines.length === 2);
  expect(lines[1]!.textContent).toMatch(/Ada: hello Bob$/);
  const records = await take(client.consumer({ topics: ["chat"], offsetReset: "earliest", key: string, value: json() }), 2);
  expect(records.map(({ key, value }) => [key, value])).toContainEqual(["room", { name: "Ada", text: "hello Bob" }]);
});
