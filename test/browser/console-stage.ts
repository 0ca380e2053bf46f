/** Pages of the console for tests: opened at an address, watched for anything that went wrong in them. */
import type { BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { expect, onTestFinished } from "vitest";
import { type Client, connect } from "../../client/client.ts";
import type { Running } from "../clients/kante.ts";
import type { BrowserStage } from "./chromium.ts";

export const phone: BrowserContextOptions = { viewport: { width: 375, height: 740 } };

export interface OpenOptions extends BrowserContextOptions {
  readonly path?: string;
  /** Before anything is loaded: what is to stand between the page and the server. */
  readonly prepare?: (context: BrowserContext) => Promise<void>;
  /** Failed requests are what the test is about. */
  readonly mayFail?: boolean;
}

/** Whatever is a bug in any page: an exception, a message of the browser, a breach of the page's own policy. */
export async function openConsole(stage: BrowserStage, server: Running, address: string, options: OpenOptions = {}): Promise<Page> {
  const { path = "/", prepare, mayFail = false, ...ofContext } = options;
  const context = await stage.context(ofContext);
  await prepare?.(context);
  return await openTab(context, server, `${path}${address}`, mayFail);
}

export async function openTab(context: BrowserContext, server: Running, address: string, mayFail = false): Promise<Page> {
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    const isOfPolicy = message.text().includes("Content Security Policy");
    // A cluster that nobody has used yet has no figures, which browsers make a note of.
    if (/status of 404/.test(message.text()) && /\/(?:metrics|throughput|cost|extents(?:\?.*)?)$/.test(message.location().url))
      return;
    if (message.type() === "error" && (isOfPolicy || !mayFail)) complaints.push(message.text());
  });
  onTestFinished(() => expect(complaints).toEqual([]));
  await page.goto(`${server.httpUrl}${address}`);
  return page;
}

export function clientOf(server: Running, cluster = "default"): Client {
  const client = connect(`${server.httpUrl}/c/${cluster}/kafka`);
  onTestFinished(() => client[Symbol.dispose]());
  return client;
}

/** No part of the page sticks out to the right. */
export async function isWithinWidth(page: Page): Promise<boolean> {
  return await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth);
}
