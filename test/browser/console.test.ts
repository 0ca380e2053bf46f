/**
 * The console as a person uses it, in a real browser against the real server: what is produced is seen, what is changed is changed, what
 * comes from strangers is shown and never run.
 */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { fast, sharedServer } from "../e2e/kante-process.ts";
import { describeInBrowser } from "./chromium.ts";
import { clientOf, openConsole, openTab } from "./console-stage.ts";

const running = sharedServer({ args: [...fast, "--set", "merge.interval.ms=1000"] });

describeInBrowser("the console", (stage) => {
  test("a record produced in one tab is seen in another", async () => {
    await clientOf(running())
      .admin()
      .createTopics([{ name: "tabs", partitions: 2 }]);
    const context = await stage.context();
    const reader = await openTab(context, running(), "/#/topics/tabs");
    await reader.getByText("No records here").waitFor();
    const writer = await openTab(context, running(), "/#/topics/tabs");
    await writer.getByRole("button", { name: "Produce" }).click();
    const dialog = writer.getByRole("dialog", { name: "Produce to tabs" });
    await dialog.getByLabel("Key", { exact: true }).fill("greeting");
    await dialog.getByLabel("Value", { exact: true }).fill("hello from a tab");
    await dialog.getByRole("button", { name: "Add a header" }).click();
    await dialog.getByLabel("Name of header 1").fill("source");
    await dialog.getByLabel("Value of header 1").fill("by hand");
    await dialog.getByRole("button", { name: "Send" }).click();
    await dialog.getByText(/Partition \d has it at offset 0/).waitFor();
    await reader.getByRole("cell", { name: "hello from a tab" }).waitFor();
    await reader.getByRole("button", { name: /record 0$/ }).click();
    await reader.getByText("by hand").waitFor();
  });

  test("the last hour is there when the page opens, of a broker that remembers it", async () => {
    const client = clientOf(running());
    await client.producer().send("tabs", { value: "x".repeat(1000) });
    const context = await stage.context();
    // The real answer, with the minutes put back: none is waited for.
    const seen = Promise.withResolvers<{ readonly receivedBytes: number }[]>();
    await context.route(/\/throughput$/, async (route) => {
      const answer = (await (await route.fetch()).json()) as { minutes: { startMs: number; receivedBytes: number }[] };
      seen.resolve(answer.minutes);
      const [minute] = answer.minutes;
      const minutes = Array.from({ length: 50 }, (_, index) => ({
        ...minute,
        startMs: minute!.startMs - (50 - index) * 60_000,
        receivedBytes: index === 0 ? 300 * 1024 * 1024 : 0,
      }));
      await route.fulfill({ json: { ...answer, minutes } });
    });
    const page = await openTab(context, running(), "/#/");
    await page.getByRole("img", { name: /Bytes a second from and to clients\..* at most 5.00 MiB\/s\./ }).waitFor();
    expect((await seen.promise).reduce((sum, { receivedBytes }) => sum + receivedBytes, 0)).toBeGreaterThan(1000);
  });

  test("of a topic with many partitions the others are shown by choice, with where their bytes lie", async () => {
    const client = clientOf(running());
    await client.admin().createTopics([{ name: "wide", partitions: 250 }]);
    await client.producer().send("wide", { value: "far out", partition: 222 });
    const page = await openConsole(stage, running(), "#/topics/wide/partitions");
    await page.getByRole("rowheader", { name: "99", exact: true }).waitFor();
    expect(await page.getByRole("rowheader", { name: "100", exact: true }).count()).toBe(0);
    await page.getByLabel("Which partitions").selectOption("200 to 249");
    await page.getByRole("img", { name: /^Partition 222: 1 extent/ }).waitFor();
    expect(await page.getByRole("rowheader").count()).toBe(50);
  });

  test("a topic is made, changed, given partitions and deleted, its name typed", async () => {
    const admin = clientOf(running()).admin();
    const page = await openConsole(stage, running(), "#/topics");
    await page.getByRole("button", { name: "Create a topic" }).click();
    await page.getByLabel("Name").fill("made.here");
    await page.getByLabel("Partitions", { exact: true }).fill("3");
    await page.getByLabel("Configs").fill("retention.ms=1000000");
    await page.getByRole("button", { name: "Create", exact: true }).click();
    await page.getByRole("heading", { name: "made.here" }).waitFor();
    expect((await admin.describeTopics(["made.here"]))[0]?.partitions).toHaveLength(3);

    await page.getByRole("link", { name: "Configs" }).click();
    await page.getByRole("button", { name: "Edit max.message.bytes" }).click();
    await page.getByLabel("Value of max.message.bytes").fill("many");
    await page.keyboard.press("Enter");
    await page.getByText("INVALID_CONFIG").waitFor();
    await page.getByLabel("Value of max.message.bytes").fill("12345");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Reset max.message.bytes to its default" }).waitFor();
    const valueOf = async (name: string) =>
      (await admin.describeConfigs({ type: "topic", name: "made.here" })).find((entry) => entry.name === name);
    expect(await valueOf("max.message.bytes")).toMatchObject({ value: "12345", isDefault: false });
    await page.getByRole("button", { name: "Reset retention.ms to its default" }).click();
    await page.getByRole("button", { name: "Reset retention.ms to its default" }).waitFor({ state: "detached" });
    expect(await valueOf("retention.ms")).toMatchObject({ isDefault: true });

    await page.getByRole("button", { name: "Add partitions" }).click();
    await page.getByLabel("Partitions in all").fill("5");
    await page.getByRole("button", { name: "Add", exact: true }).click();
    await page.getByText("5 partitions").waitFor();

    await page.getByRole("button", { name: "Delete", exact: true }).click();
    const remove = page.getByRole("button", { name: "Delete for good" });
    await page.getByLabel("Type made.here to delete it").fill("made.her");
    expect(await remove.isDisabled()).toBe(true);
    await page.getByLabel("Type made.here to delete it").fill("made.here");
    await remove.click();
    await page.getByRole("heading", { name: "Topics", exact: true }).waitFor();
    await expect(admin.describeTopics(["made.here"])).rejects.toMatchObject({ code: 3 });
  });

  test("records are read from anywhere, found by a filter, laid out, and saved whole", async () => {
    const client = clientOf(running());
    await client.admin().createTopics([{ name: "reading", partitions: 1 }]);
    const producer = client.producer();
    const big = JSON.stringify({ text: "x".repeat(300_000) });
    const early = 1_700_000_000_000;
    await producer.send(
      "reading",
      Array.from({ length: 250 }, (_, index) => ({
        key: `k${index}`,
        value: index === 249 ? big : index === 7 ? Uint8Array.of(0, 1, 254, 255) : `{"n":${index},"id":70000000000003220001}`,
        timestamp: early + index * 1000,
        headers: { parity: index % 2 === 0 ? "even" : "odd" },
      })),
    );
    const page = await openConsole(stage, running(), "#/topics/reading");
    const record = (offset: number) => page.getByRole("button", { name: new RegExp(`record ${offset}$`) });
    await record(249).waitFor();
    expect(await record(100).count()).toBe(0);

    await record(248).click();
    await page.getByText("70000000000003220001").last().waitFor();
    expect(await page.locator(".json-number").allTextContents()).toEqual(["248", "70000000000003220001"]);

    await record(249).click();
    await page.getByText(/The first 16.0 KiB of 293 KiB/).waitFor();
    const downloading = page.waitForEvent("download");
    await page.getByRole("button", { name: "save" }).last().click();
    const file = await (await downloading).path();
    expect(await readFile(file, "utf8")).toBe(big);

    await page.getByLabel("Read from").selectOption("oldest");
    await record(0).waitFor();
    await page.getByText("stopped: the page is full").waitFor();
    expect(await record(200).count()).toBe(0);
    await record(7).click();
    await page.getByText("00 01 fe ff").last().waitFor();
    await page.getByRole("button", { name: "Read on" }).click();
    await record(200).waitFor();
    expect(await record(0).count()).toBe(0);

    await page.getByLabel("Contains").fill("k24 -odd");
    await page.getByText(/250 read, 6 matched/).waitFor();
    await page.getByLabel("Filter by").selectOption("value");
    await page.getByText("Nothing matches so far").waitFor();
    await page.getByLabel("Contains").fill("");

    await page.getByLabel("Read from").selectOption("offset");
    await page.getByLabel("Offset").fill("240");
    await record(239).waitFor({ state: "detached" });
    await record(240).waitFor();
    await page.getByLabel("Read from").selectOption("time");
    const at = await page.evaluate((ms) => {
      const time = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
      return time.toISOString().slice(0, 19);
    }, early + 245_000);
    await page.getByLabel("Time").fill(at);
    await record(244).waitFor({ state: "detached" });
    await record(245).waitFor();
  });

  test("a record of very many pieces is laid out without colours, and a long header says that it is cut", async () => {
    const client = clientOf(running());
    await client.admin().createTopics([{ name: "dense", partitions: 1 }]);
    const value = JSON.stringify(Array.from({ length: 50_000 }, (_, index) => index % 10));
    await client.producer().send("dense", { value, headers: { note: "n".repeat(3072) } });
    const page = await openConsole(stage, running(), "#/topics/dense");
    await page.getByRole("button", { name: /record 0$/ }).click();
    await page.getByText("… of 3.00 KiB").waitFor();
    expect((await page.getByLabel("Contents").textContent())!.split("\n")).toHaveLength(50_002);
    expect(await page.locator(".json-number").count()).toBe(0);
  });

  test("a topic that goes while it is looked at is asked nothing more, and shown anew when it is there again", async () => {
    const client = clientOf(running());
    const admin = client.admin();
    const make = async (value: string) => {
      await admin.createTopics([{ name: "fleeting", partitions: 1 }]);
      await client.producer().send("fleeting", [{ value: "first" }, { value }]);
    };
    await make("old");
    const page = await openConsole(stage, running(), "#/topics/fleeting");
    const partitions = await openConsole(stage, running(), "#/topics/fleeting/partitions");
    await page.getByRole("cell", { name: "old" }).waitFor();
    await partitions.getByRole("img", { name: /^Partition 0: 1 extent/ }).waitFor();
    await admin.deleteTopics(["fleeting"]);
    await partitions.getByText("Not there").waitFor();
    const asked: string[] = [];
    partitions.on("request", (request) => asked.push(request.url()));
    // More than one round of what the view asks for.
    await partitions.waitForResponse(/\/metrics$/);
    await partitions.waitForResponse(/\/metrics$/);
    expect(asked.filter((url) => url.includes("/extents"))).toEqual([]);
    await make("new");
    await page.getByRole("cell", { name: "new" }).waitFor();
    await page.getByText("2 read, 2 shown").waitFor();
    expect(await page.getByRole("cell", { name: "old" }).count()).toBe(0);
    await partitions.getByRole("img", { name: /^Partition 0: 1 extent/ }).waitFor();
  });

  test("the end of a log is seen also where nobody may see its records", async () => {
    const client = clientOf(running());
    const names = ["ends-committed", "ends-aborted", "ends-open"] as const;
    await client.admin().createTopics(names.map((name) => ({ name, partitions: 1 })));
    const producer = client.producer({ transactionalId: "ends" });
    await producer.transaction(async (transaction) => await transaction.send("ends-committed", { value: "there" }));
    const aborted = await producer.beginTransaction();
    await aborted.send("ends-aborted", { value: "never" });
    await aborted.abort();
    const plain = client.producer();
    await plain.send("ends-open", { value: "before" });
    const open = await producer.beginTransaction();
    await open.send("ends-open", { value: "undecided" });
    await plain.send(
      "ends-open",
      Array.from({ length: 150 }, () => ({ value: "behind" })),
    );
    const page = await openConsole(stage, running(), "#/topics/ends-committed");
    await page.getByText("1 read, 1 shown: at the end").waitFor();
    await page.getByLabel("Contains").fill("nowhere");
    await page.getByText("Nothing matches so far").waitFor();
    await page.goto(`${running().httpUrl}/#/topics/ends-aborted`);
    await page.getByText("Nothing to be seen from here on").waitFor();
    await page.goto(`${running().httpUrl}/#/topics/ends-open`);
    await page.getByRole("cell", { name: "before" }).waitFor();
    await page.getByText("1 read, 1 shown: at the end").waitFor();
    await open.abort();
    await page.getByText("151 read, 151 shown: at the end").waitFor();
  });

  test("extents are drawn, and grow as records come", async () => {
    const client = clientOf(running());
    await client.admin().createTopics([{ name: "growing", partitions: 2 }]);
    const page = await openConsole(stage, running(), "#/topics/growing/partitions");
    await page.getByRole("img", { name: "Partition 0: empty" }).waitFor();
    const producer = client.producer();
    await producer.send("growing", { partition: 0, value: "small" });
    await page.getByRole("img", { name: /^Partition 0: 1 extent, \d+ B inline/ }).waitFor();
    await producer.send("growing", { partition: 1, value: randomBytes(200_000) });
    await page.getByRole("img", { name: /^Partition 1: 1 extent, 195 KiB (write-ahead|merged|segments)/ }).waitFor();
    await page.getByRole("img", { name: /^Partition 1: 1 extent, 195 KiB (merged|segments)/ }).waitFor();
  });

  test("a group's members and lag are shown, and its offsets go where the preview says", async () => {
    const client = clientOf(running());
    const admin = client.admin();
    await admin.createTopics([{ name: "lagging", partitions: 2 }]);
    await client.producer().send(
      "lagging",
      Array.from({ length: 40 }, (_, index) => ({ value: `${index}`, partition: index % 2 })),
    );
    const consumer = client.consumer({ topics: ["lagging"], group: "readers", offsetReset: "earliest" });
    for await (const _ of consumer) break;
    await consumer.commit();
    const page = await openConsole(stage, running(), "#/groups");
    await page.getByRole("link", { name: "readers" }).click();
    await page.getByRole("cell", { name: "lagging 0–1" }).waitFor();
    await page.getByRole("button", { name: "Reset offsets" }).click();
    await page.getByText("Somebody is reading").waitFor();
    const reset = page.getByRole("button", { name: "Reset", exact: true });
    expect(await reset.isDisabled()).toBe(true);
    await consumer.close();
    await page.getByText("Somebody is reading").waitFor({ state: "detached" });
    await page.getByLabel("To", { exact: true }).selectOption("time");
    await page.getByLabel("Time").fill("");
    expect(await reset.isDisabled()).toBe(true);
    await page.getByLabel("To", { exact: true }).selectOption("offset");
    await page.getByLabel("Offset", { exact: true }).fill("");
    expect(await reset.isDisabled()).toBe(true);
    await page.getByLabel("Offset", { exact: true }).fill("15");
    const preview = page.getByRole("region", { name: "What would change" });
    expect(await preview.getByRole("row").last().getByRole("cell").allTextContents()).toEqual([
      // One record of either partition was read and committed.
      expect.stringMatching(/^[01]$/),
      "15",
      expect.stringMatching(/^(?:19|20)$/),
      "5",
    ]);
    await reset.click();
    await preview.waitFor({ state: "detached" });
    expect((await admin.groupOffsets("readers")).map(({ offset }) => offset)).toEqual([15, 15]);

    await page.getByRole("button", { name: "Delete", exact: true }).click();
    await page.getByRole("button", { name: "Delete the group" }).click();
    await page.getByRole("heading", { name: "Groups", exact: true }).waitFor();
    expect((await admin.listGroups()).map(({ groupId }) => groupId)).not.toContain("readers");
  });

  test("groups are listed beside one without a name and one with offsets in an open transaction", async () => {
    const client = clientOf(running());
    const admin = client.admin();
    const place = { topic: "grouped", partition: 0 };
    await admin.createTopics([{ name: place.topic, partitions: 1 }]);
    await client.producer().send(place.topic, [{ value: "a" }, { value: "b" }]);
    await admin.alterGroupOffsets("", [{ ...place, offset: 1 }]);
    await admin.alterGroupOffsets("pending", [{ ...place, offset: 1 }]);
    const transaction = await client.producer({ transactionalId: "pending" }).beginTransaction();
    await transaction.commitOffsets([{ ...place, offset: 2 }], "pending");
    const page = await openConsole(stage, running(), "#/groups");
    await page.getByRole("row", { name: /^pending Empty classic 0 1$/ }).waitFor();
    await page.getByRole("link", { name: "(without a name)" }).click();
    await page.getByRole("row", { name: /^grouped 0 1 2 1/ }).waitFor();
    await transaction.abort();
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    await page.getByRole("button", { name: "Delete the group" }).click();
    await page.getByRole("link", { name: "pending" }).waitFor();
    expect((await admin.listGroups()).map(({ groupId }) => groupId)).not.toContain("");
  });

  test("an open transaction is shown with its age, and aborted", async () => {
    const client = clientOf(running());
    await client.admin().createTopics([{ name: "paid", partitions: 1 }]);
    const producer = client.producer({ transactionalId: "stuck-1" });
    const transaction = await producer.beginTransaction();
    await transaction.send("paid", { value: "undecided" });
    const page = await openConsole(stage, running(), "#/transactions");
    await page.getByRole("row", { name: /stuck-1 Ongoing \d+ s .*paid 0/ }).waitFor();
    await page.getByRole("button", { name: "Abort the transaction of stuck-1" }).click();
    await page.getByRole("button", { name: "Abort it" }).click();
    await page.getByText("No open transactions").waitFor();
    await expect(transaction.commit()).rejects.toMatchObject({ name: "FencedError" });
    await page.getByLabel("also transactional ids with none open").check();
    await page.getByRole("row", { name: /stuck-1 (?:Empty|CompleteAbort)/ }).waitFor();
  });

  test("what strangers wrote is shown, never run", async () => {
    const client = clientOf(running());
    await client.admin().createTopics([{ name: "hostile", partitions: 1 }]);
    const script = `<img src=x onerror="document.title='run'"><script>document.title='run'</script>`;
    await client
      .producer()
      .send("hostile", { key: script, value: `{"a":"${script.replaceAll('"', "'")}"}`, headers: { [script]: script } });
    await client.admin().alterGroupOffsets(script, [{ topic: "hostile", partition: 0, offset: 0 }]);
    const page = await openConsole(stage, running(), "#/topics/hostile");
    await page.getByRole("button", { name: /record 0$/ }).click();
    await page.getByText(script).first().waitFor();
    await page.goto(`${running().httpUrl}/#/groups`);
    await page.getByRole("link", { name: script }).click();
    await page.getByRole("heading", { name: script }).waitFor();
    await page.goto(`${running().httpUrl}/#/${encodeURIComponent(script)}`);
    await page.getByText(`Nothing is at ${script}`).waitFor();
    expect(await page.title()).not.toBe("run");
    expect(await page.locator("img").count()).toBe(0);
  });

  test("another cluster is its own, by path, by query, and from the page", async () => {
    await clientOf(running(), "shop")
      .admin()
      .createTopics([{ name: "only-in-the-shop", partitions: 1 }]);
    const byPath = await openConsole(stage, running(), "#/topics", { path: "/c/shop/" });
    await byPath.getByRole("link", { name: "only-in-the-shop" }).waitFor();
    const byQuery = await openConsole(stage, running(), "#/topics", { path: "/?cluster=shop" });
    await byQuery.getByRole("link", { name: "only-in-the-shop" }).waitFor();
    const page = await openConsole(stage, running(), "#/topics");
    await page.getByRole("button", { name: /^Cluster default/ }).click();
    await page.getByLabel("Name").fill("shop");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/c/shop/");
    await page.getByRole("heading", { name: "shop" }).waitFor();
  });
});

describe("the console's files", () => {
  test("are at most 150 KB gzipped, and come from nowhere else", async () => {
    const { gzipSync } = await import("node:zlib");
    const page = await (await fetch(running().httpUrl, { headers: { accept: "text/html" } })).text();
    const files = [...page.matchAll(/(?:href|src)="(?<file>[^"]+)"/g)].map(({ groups }) => groups!["file"]!);
    expect(files.length).toBeGreaterThanOrEqual(3);
    let bytes = gzipSync(page).byteLength;
    for (const file of files) {
      expect(file).toMatch(/^\/console\//);
      const answer = await fetch(`${running().httpUrl}${file}`);
      expect(answer.status).toBe(200);
      const text = await answer.text();
      expect(text).not.toMatch(/url\(\s*["']?(?:https?:)?\/\//);
      bytes += gzipSync(text, { level: 9 }).byteLength;
    }
    expect(bytes).toBeLessThanOrEqual(150 * 1024);
  });
});
