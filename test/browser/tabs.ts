/**
 * Tabs with the client library in them: pages of a small server of this machine, which gives out the library as it is shipped, the
 * contract, and the examples. In a tab `globalThis.kante` is the library and `globalThis.url` where Kante is.
 */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import type { BrowserContext, Page } from "playwright-core";
import { onTestFinished } from "vitest";
import type * as Library from "../../client/client.ts";
import { buildClientIfStale } from "../../scripts/build.ts";
import { contractBundle } from "../client/runtimes/bundle.ts";

const root = join(import.meta.dirname, "../..");

/** What scripts in a tab find there. */
export interface InTab {
  readonly kante: typeof Library;
  readonly url: string;
}

const blank = `<!doctype html><html lang="en"><title>tab</title>`;
const library = `<script type="module">
  import * as kante from "/client.js";
  Object.assign(globalThis, { kante, url: new URLSearchParams(location.search).get("url") });
  document.title = "ready";
</script>`;

const pages: Readonly<Record<string, { readonly type: string; readonly body: () => Promise<string> | string }>> = {
  "/": { type: "text/html", body: () => blank + library },
  "/client.js": { type: "text/javascript", body: async () => await readFile(join(root, "dist/client.js"), "utf8") },
  "/contract.js": { type: "text/javascript", body: contractBundle },
  "/chat.html": { type: "text/html", body: async () => await readFile(join(root, "examples/chat.html"), "utf8") },
};

/** Answers where it listens; ends with the test. */
export async function servePages(): Promise<string> {
  await buildClientIfStale();
  const server = createServer((request, response) => {
    const found = pages[new URL(request.url ?? "/", "http://localhost").pathname];
    if (found === undefined) {
      response.writeHead(404).end();
      return;
    }
    void (async () => response.writeHead(200, { "content-type": `${found.type}; charset=utf-8` }).end(await found.body()))();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as { port: number };
  return `http://127.0.0.1:${port}`;
}

/** A tab that has loaded the library; `url` is Kante's address as the tab knows it. */
export async function openTab(context: BrowserContext, origin: string, url: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`${origin}/?url=${encodeURIComponent(url)}`);
  await page.waitForFunction(() => document.title === "ready");
  return page;
}
