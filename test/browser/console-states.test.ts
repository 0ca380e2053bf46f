/**
 * How the console looks and behaves when all is not well, or the person before it sees, hears or handles it otherwise: every view and every
 * designed state, judged by axe-core in light and dark, on a phone, and by keyboard alone.
 */
import type { BrowserContext, Page, WebSocketRoute } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { connect } from "../../client/client.ts";
import { fast, sharedServer } from "../e2e/kante-process.ts";
import { accessibilityFaults } from "./accessibility.ts";
import { describeInBrowser } from "./chromium.ts";
import { isWithinWidth, openConsole, phone } from "./console-stage.ts";

const running = sharedServer({ args: fast });

/** A topic with records, a group that lags, a transaction that is open. */
async function furnish(): Promise<() => void> {
  const client = connect(`${running().httpUrl}/c/default/kafka`);
  await client.admin().createTopics([{ name: "orders", partitions: 3, configs: { "retention.ms": "3600000" } }]);
  await client.producer().send(
    "orders",
    Array.from({ length: 30 }, (_, index) => ({
      key: `customer-${index}`,
      value: `{"id":${index},"city":"a-long-name-without-any-spaces-to-break-at-that-goes-on-and-on-and-on"}`,
      headers: { trace: "0123456789abcdef" },
      partition: index % 3,
    })),
  );
  await client.admin().alterGroupOffsets("billing", [{ topic: "orders", partition: 0, offset: 3 }]);
  const transaction = await client.producer({ transactionalId: "settlement", transactionTimeoutMs: 900_000 }).beginTransaction();
  await transaction.send("orders", { value: "undecided", partition: 0 });
  return () => client[Symbol.dispose]();
}

interface View {
  readonly address: string;
  readonly ready: (page: Page) => Promise<void>;
}

const button = async (page: Page, name: string | RegExp): Promise<void> => await page.getByRole("button", { name }).first().click();
const shown = async (page: Page, text: string | RegExp): Promise<void> => await page.getByText(text).first().waitFor();

const views: Readonly<Record<string, View>> = {
  overview: { address: "#/", ready: async (page) => await shown(page, "write-ahead") },
  topics: { address: "#/topics", ready: async (page) => await page.getByRole("link", { name: "orders" }).waitFor() },
  "create a topic": {
    address: "#/topics",
    ready: async (page) => await button(page, "Create a topic"),
  },
  records: {
    address: "#/topics/orders",
    ready: async (page) => {
      await button(page, /^Partition 1/);
      await page.locator(".json-name").first().waitFor();
    },
  },
  partitions: {
    address: "#/topics/orders/partitions",
    ready: async (page) => await page.getByRole("img", { name: /^Partition 0: \d+ extent/ }).waitFor(),
  },
  configs: { address: "#/topics/orders/configs", ready: async (page) => await button(page, "Edit retention.ms") },
  produce: {
    address: "#/topics/orders",
    ready: async (page) => {
      await button(page, "Produce");
      await button(page, "Add a header");
    },
  },
  "delete a topic": {
    address: "#/topics/orders",
    ready: async (page) => await button(page, "Delete"),
  },
  groups: { address: "#/groups", ready: async (page) => await page.getByRole("link", { name: "billing" }).waitFor() },
  group: { address: "#/groups/billing", ready: async (page) => await page.getByRole("rowheader", { name: "orders 0" }).waitFor() },
  "reset offsets": {
    address: "#/groups/billing",
    ready: async (page) => await button(page, "Reset offsets"),
  },
  transactions: { address: "#/transactions", ready: async (page) => await page.getByRole("row", { name: /settlement/ }).waitFor() },
  "another cluster": { address: "#/", ready: async (page) => await button(page, /^Cluster/) },
  nowhere: { address: "#/nowhere", ready: async (page) => await shown(page, "Nothing is at nowhere") },
};

type Prepare = (context: BrowserContext) => Promise<void>;

const sockets =
  (answer: (socket: WebSocketRoute) => void): Prepare =>
  async (context) => {
    await context.routeWebSocket(/\/kafka/, answer);
  };
const unanswered = sockets(() => {});
const closed = sockets((socket) => void socket.close());
const answering =
  (status: number, paths: RegExp): Prepare =>
  async (context) => {
    await context.route(paths, async (route) => await route.fulfill({ status, body: "not for you" }));
  };

interface State {
  readonly address: string;
  readonly cluster?: string;
  readonly prepare?: Prepare;
  readonly text: string | RegExp;
}

const states: Readonly<Record<string, State>> = {
  "empty: no topics": { address: "#/topics", cluster: "empty", text: "No topics yet" },
  "empty: no groups": { address: "#/groups", cluster: "empty", text: "No groups yet" },
  "empty: no transactions": { address: "#/transactions", cluster: "empty", text: "No open transactions" },
  loading: { address: "#/topics", prepare: unanswered, text: "Loading topics" },
  slow: { address: "#/topics", prepare: unanswered, text: "Still waiting for the topics" },
  "slow: records": { address: "#/topics/orders", prepare: unanswered, text: "Still waiting for the topic" },
  unreachable: { address: "#/topics", prepare: closed, text: "The cluster does not answer" },
  missing: { address: "#/topics/no-such-topic", text: "Not there" },
  "missing: group": { address: "#/groups/no-such-group", text: "No such group" },
  "failing: figures": { address: "#/", prepare: answering(500, /\/metrics$/), text: "The server failed" },
  "failing: health": { address: "#/", prepare: answering(500, /\/health$/), text: "failing" },
  "unauthorised: figures": { address: "#/", prepare: answering(403, /\/(?:metrics|cost)$/), text: "You may not see this" },
  "unauthorised: everything": {
    address: "#/topics",
    prepare: async (context) => {
      await closed(context);
      await answering(401, /\/(?:metrics|cost|health)$/)(context);
    },
    text: "You may not see this",
  },
};

describeInBrowser("the console", (stage) => {
  // What it answers is done at the end.
  beforeAll(furnish);

  test.for(Object.entries(views))("has no fault in light, in dark and on a phone: %s", async ([_name, { address, ready }]) => {
    const page = await openConsole(stage, running(), address, { colorScheme: "light" });
    await ready(page);
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.emulateMedia({ colorScheme: "dark" });
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.setViewportSize(phone.viewport!);
    expect(await isWithinWidth(page)).toBe(true);
    expect(await accessibilityFaults(page)).toEqual([]);
  });

  test.for(Object.entries(states))("is designed for what is %s", async ([_name, { address, cluster, prepare, text }]) => {
    const path = cluster === undefined ? "/" : `/c/${cluster}/`;
    const page = await openConsole(stage, running(), address, { path, prepare, mayFail: true });
    await page.getByText(text).first().waitFor({ state: "attached" });
    expect(await accessibilityFaults(page)).toEqual([]);
  });

  test("comes back by itself when the cluster does", async () => {
    let isDown = true;
    const page = await openConsole(stage, running(), "#/topics", {
      mayFail: true,
      prepare: sockets((socket) => void (isDown ? socket.close() : socket.connectToServer())),
    });
    await page.getByText("The cluster does not answer").waitFor();
    isDown = false;
    await page.getByText("The cluster does not answer").waitFor({ state: "detached" });
  });

  test("does not call a cluster well that does not answer any more", async () => {
    const open: WebSocketRoute[] = [];
    let isDown = false;
    const page = await openConsole(stage, running(), "#/", {
      mayFail: true,
      prepare: sockets((socket) => {
        if (isDown) return void socket.close();
        socket.connectToServer();
        open.push(socket);
      }),
    });
    await page.getByText(/^in [\d,]+ ms, over WebSocket$/).waitFor();
    isDown = true;
    for (const socket of open) await socket.close();
    await page.getByText("no answer").waitFor({ timeout: 60_000 });
    expect(await page.getByText(/over WebSocket$/).count()).toBe(0);
  });

  test("asks again soon for what is seldom asked, when it did not answer", async () => {
    let isDown = true;
    const page = await openConsole(stage, running(), "#/", {
      mayFail: true,
      prepare: async (context) => {
        await context.route(/\/throughput$/, async (route) => await (isDown ? route.abort() : route.continue()));
      },
    });
    await page.getByText("The figures of the last minutes are missing").waitFor();
    isDown = false;
    await page.getByText("The figures of the last minutes are missing").waitFor({ state: "detached" });
  });

  test("can be used by keyboard alone", async () => {
    const page = await openConsole(stage, running(), "#/", { path: "/c/keyboard/" });
    await page.getByRole("heading", { name: "Throughput" }).waitFor();
    const focusOn = async (name: string | RegExp): Promise<void> => {
      for (let presses = 0; presses < 60; presses++) {
        await page.keyboard.press("Tab");
        const label = await page.evaluate(() => {
          const element = document.activeElement as HTMLInputElement | null;
          return element?.getAttribute("aria-label") ?? element?.labels?.[0]?.textContent ?? element?.textContent ?? "";
        });
        if (typeof name === "string" ? label === name : name.test(label)) return;
      }
      throw new Error(`Tab does not come to ${String(name)}`);
    };
    await focusOn("Topics");
    await page.keyboard.press("Enter");
    await page.getByText("No topics yet").waitFor();
    await focusOn("Create a topic");
    await page.keyboard.press("Enter");
    await page.keyboard.type("typed");
    await page.keyboard.press("Enter");
    await page.getByText("No records here").waitFor();
    await focusOn("Produce");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.type("by keys");
    await focusOn("Send");
    await page.keyboard.press("Enter");
    await page.getByText(/has it at offset 0/).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Produce");
    await page.getByRole("cell", { name: "by keys" }).waitFor();
    await focusOn(/record 0$/);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Value 7 B" }).waitFor();
    await focusOn("save");

    await focusOn("Configs");
    await page.keyboard.press("Enter");
    const focused = async (name: string) =>
      await expect.poll(async () => await page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toBe(name);
    await focusOn("Edit retention.ms");
    await page.keyboard.press("Enter");
    await page.keyboard.type("much");
    await page.keyboard.press("Enter");
    await page.getByText("INVALID_CONFIG").waitFor();
    await page.keyboard.press("Escape");
    await focused("Edit retention.ms");
    expect(await page.getByText("INVALID_CONFIG").count()).toBe(0);
    await page.keyboard.press("Enter");
    await page.keyboard.type("5000");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Reset retention.ms to its default" }).waitFor();
    await focused("Edit retention.ms");
    await focusOn("Reset retention.ms to its default");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Reset retention.ms to its default" }).waitFor({ state: "detached" });
    await focused("Edit retention.ms");
  });

  test("keeps the colours that were chosen", async () => {
    const page = await openConsole(stage, running(), "#/", { colorScheme: "light" });
    const ground = async () => await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await ground();
    await page.getByLabel("Colours").selectOption("dark");
    const dark = await ground();
    expect(dark).not.toBe(light);
    await page.reload();
    expect(await ground()).toBe(dark);
  });
});
