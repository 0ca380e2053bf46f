/**
 * `npm run screenshots -- <folder>`: pictures of every view of the console, light, dark and as on a phone, of a real server with a real
 * workload: topics, traffic, a group that lags, an open transaction. For looking at, and for the README.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Browser, Page } from "playwright-core";
import { connect, json, string } from "../client/client.ts";
import { launchChromium } from "../test/browser/chromium.ts";
import { startKante } from "../test/clients/kante.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: "string", default: "40" }, only: { type: "string" } },
});
const looks = ["light", "dark", "phone"] as const;
type Look = (typeof looks)[number];
const folder = positionals[0] ?? "dist/screenshots";
const seconds = Number(values.seconds);

const cities = ["Berlin", "Lisbon", "Oslo", "Kyoto", "Quito", "Tunis", "Halifax", "Perth"];
const kinds = ["order-placed", "order-paid", "order-packed", "order-sent", "order-returned"];

function order(number: number) {
  const lines = Array.from({ length: 1 + (number % 3) }, (_, line) => ({
    sku: `K-${1000 + ((number * 7 + line * 13) % 900)}`,
    count: 1 + line,
  }));
  return {
    id: 7_000_000 + number,
    kind: kinds[number % kinds.length],
    city: cities[number % cities.length],
    total: Math.round((number * 37.5) % 400) + 0.5,
    lines,
  };
}

async function work(url: string, until: AbortSignal): Promise<void> {
  const client = connect(url);
  const admin = client.admin();
  await admin.createTopics([
    { name: "orders", partitions: 6, configs: { "retention.ms": "604800000", "max.message.bytes": "2097152" } },
    { name: "payments", partitions: 3 },
    { name: "sensor-readings", partitions: 12, configs: { "cleanup.policy": "compact,delete" } },
    { name: "audit.events", partitions: 1 },
    { name: "thumbnails", partitions: 2 },
    { name: "clicks", partitions: 5, configs: { "segment.bytes": "1048576" } },
  ]);
  const orders = client.producer({ key: string, value: json() });
  const bytes = client.producer();
  let number = 0;
  const reader = (async () => {
    const group = client.consumer({
      topics: ["orders", "payments"],
      group: "billing",
      offsetReset: "earliest",
      autoCommitIntervalMs: 500,
      signal: until,
    });
    for await (const _ of group) await new Promise((resolve) => setTimeout(resolve, 6));
  })();
  const open = client.producer({ transactionalId: "settlement-1", transactionTimeoutMs: 900_000 });
  const transaction = await open.beginTransaction();
  await transaction.send("payments", { key: "settlement", value: "pending" });
  while (!until.aborted) {
    const wave = 1 + Math.floor(12 * (1.1 + Math.sin(number / 300)));
    for (let index = 0; index < wave; index++) {
      number += 1;
      void orders.send("orders", {
        key: `customer-${number % 211}`,
        value: order(number),
        headers: { trace: `${(number * 2_654_435_761) % 4_294_967_296}`, source: "shop" },
      });
      if (number % 3 === 0)
        void bytes.send("payments", { key: `payment-${number}`, value: JSON.stringify({ order: number, ok: number % 7 !== 0 }) });
      void bytes.send("sensor-readings", { key: `sensor-${number % 48}`, value: `${20 + (number % 9) / 2} °C` });
    }
    const clicks = crypto.getRandomValues(new Uint8Array(24_000));
    void bytes.send("clicks", { value: clicks, partition: Math.floor(Math.sqrt(number % 25)) });
    if (number % 5 === 0)
      await bytes.send("thumbnails", { key: `image-${number}.png`, value: crypto.getRandomValues(new Uint8Array(60_000)) });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await orders.flush();
  await reader;
  client[Symbol.dispose]();
}

interface Shot {
  readonly name: string;
  readonly address: string;
  readonly ready: string;
  readonly act?: (page: Page) => Promise<void>;
}

const shots: readonly Shot[] = [
  { name: "overview", address: "#/", ready: "figcaption" },
  { name: "topics", address: "#/topics", ready: "tbody tr" },
  {
    name: "records",
    address: "#/topics/orders",
    ready: "tbody tr",
    act: async (page) => {
      await page.getByRole("button", { name: "Pause" }).click();
      await page
        .getByRole("button", { name: /^Partition \d/ })
        .nth(1)
        .click();
    },
  },
  { name: "partitions", address: "#/topics/clicks/partitions", ready: "tbody tr" },
  { name: "configs", address: "#/topics/orders/configs", ready: ".configs li" },
  {
    name: "produce",
    address: "#/topics/orders",
    ready: "tbody tr",
    act: async (page) => await page.getByRole("button", { name: "Produce" }).click(),
  },
  { name: "groups", address: "#/groups", ready: "tbody tr" },
  { name: "group", address: "#/groups/billing", ready: "tbody tr" },
  { name: "transactions", address: "#/transactions", ready: "tbody tr" },
  { name: "not-there", address: "#/topics/no-such-topic", ready: ".state.fault" },
];

/** A page that has seen the work from its beginning, and goes through all views at its end. */
async function open(browser: Browser, url: string, look: Look): Promise<Page> {
  const context = await browser.newContext({
    colorScheme: look === "dark" ? "dark" : "light",
    viewport: look === "phone" ? { width: 390, height: 844 } : { width: 1280, height: 860 },
    deviceScaleFactor: look === "phone" ? 2 : 1,
  });
  const page = await context.newPage();
  page.on("console", (message) => {
    if (message.type() === "error") console.error(`${look}: ${message.text()}`);
  });
  page.on("pageerror", (error) => console.error(`${look}: ${error.message}`));
  await page.goto(url);
  return page;
}

async function take(page: Page, look: Look): Promise<void> {
  for (const { name, address, ready, act } of shots) {
    if (values.only !== undefined && !values.only.split(",").includes(name)) continue;
    await page.evaluate((hash) => void (location.hash = hash), address);
    try {
      await page.locator(ready).first().waitFor({ timeout: 20_000 });
    } catch {
      console.error(`${look}: ${name} has no ${ready}`);
    }
    // The figures of two looks make a rate, and of some of them a line.
    await page.waitForTimeout(name === "group" ? 11_000 : 1200);
    await act?.(page);
    await page.waitForTimeout(300);
    await page.screenshot({ path: join(folder, `${name}-${look}.png`) });
    await page.keyboard.press("Escape");
  }
}

const data = mkdtempSync(join(tmpdir(), "kante-screenshots-"));
mkdirSync(folder, { recursive: true });
// A minute shows what otherwise takes an hour.
const settings = {
  "group.initial.rebalance.delay.ms": 0,
  "merge.interval.ms": 12_000,
  "inline.drain.bytes": 1024 * 1024,
  "wal.inline.bytes.per.second": 30_000,
};
const running = await startKante({
  data,
  args: Object.entries(settings).flatMap(([name, value]) => ["--set", `${name}=${value}`]),
});
const browser = await launchChromium();
const worked = new AbortController();
const working = work(`${running.httpUrl}/c/default/kafka`, worked.signal);
try {
  const pages: [Page, Look][] = [];
  for (const look of looks) pages.push([await open(browser, running.httpUrl, look), look]);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  for (const [page, look] of pages) await take(page, look);
} finally {
  worked.abort();
  await working.catch((error: unknown) => console.error(error));
  await browser.close();
  await running.stop();
  rmSync(data, { recursive: true, force: true });
}
console.log(`screenshots in ${folder}`);
