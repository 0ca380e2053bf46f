/**
 * The client library where it is meant to live: in tabs of a real browser. The contract as a whole, and what only tabs do: several of
 * one person beside each other, sockets that break, a tab that is frozen and wakes up, a log larger than a page should ever hold.
 */
import type { Page } from "playwright-core";
import { expect, onTestFinished, test } from "vitest";
import { type Client, connect, string } from "../../client/client.ts";
import { brief, eventually, freshName, numbers, often, take } from "../client/contract-steps.ts";
import { startCuttingProxy } from "../client/cutting-proxy.ts";
import type { Outcome } from "../client/runtimes/little-vitest.ts";
import { fast, httpPortOf, sharedServer } from "../e2e/kante-process.ts";
import { Platformatic } from "../e2e/platformatic-client.ts";
import { describeInBrowser } from "./chromium.ts";
import { FreezableTab } from "./freezable-tab.ts";
import { type InTab, openTab, servePages } from "./tabs.ts";

const mebibyte = 1024 * 1024;

/** What the scripts of these tests leave in their tab. */
interface Reading extends InTab {
  client: Client;
  values: string[];
  log: string[];
}

interface Scriptable {
  evaluate<Argument, Result>(work: (argument: Argument) => Result | Promise<Result>, argument: Argument): Promise<Result>;
}

describeInBrowser("the client library in a browser", (stage) => {
  const running = sharedServer({ args: [...fast, ...often, ...brief], brokers: 2 });
  const urlOf = (port = httpPortOf(running())): string => `ws://127.0.0.1:${port}/c/default/kafka`;

  function fromNode(): Client {
    const client = connect(urlOf());
    onTestFinished(() => client.close());
    return client;
  }

  async function tabs(count: number, url = urlOf()): Promise<Page[]> {
    const [context, origin] = [await stage.context(), await servePages()];
    return await Promise.all(Array.from({ length: count }, async () => await openTab(context, origin, url)));
  }

  test("the contract holds", { timeout: 180_000 }, async () => {
    const [tab] = await tabs(1);
    // As text: what a test file imports is not what a page does.
    const outcomes = await tab!.evaluate<Outcome[]>(
      `import("/contract.js").then(({ runContract }) => runContract(globalThis.url))`,
    );
    expect(outcomes.filter(({ failure }) => failure !== undefined)).toEqual([]);
    expect(outcomes.length).toBeGreaterThan(25);
  });

  test("what one tab produces is pushed to another: it comes with the fetch that waits, no later one is needed", async () => {
    const [writer, watcher] = await tabs(2);
    const topic = freshName("tabs");
    await fromNode()
      .admin()
      .createTopics([{ name: topic, partitions: 1 }]);
    // A fetch that nothing ends but a record would wait for ten minutes.
    await follow(watcher!, { topics: [topic], offsetReset: "earliest", maxWaitMs: 600_000 });
    for (const value of numbers(9)) {
      await writer!.evaluate(
        async ([topicName, text]) => {
          const tab = globalThis as unknown as Reading & { producer?: ReturnType<Client["producer"]> };
          tab.producer ??= tab.kante.connect(tab.url).producer();
          await tab.producer.send(topicName, { value: text });
        },
        [topic, value] as const,
      );
      await watcher!.waitForFunction((text) => (globalThis as unknown as Reading).values.at(-1) === text, value);
    }
    expect(await valuesIn(watcher!)).toEqual(numbers(9));
  });

  test(
    "tabs of one group share its partitions, hand them over, and take over from one that is gone",
    { timeout: 60_000 },
    async () => {
      const [one, two, three] = await tabs(3);
      const [topic, group] = [freshName("group"), freshName("group")];
      const client = fromNode();
      await client.admin().createTopics([{ name: topic, partitions: 4 }]);
      const producer = client.producer();
      let sent = 0;
      const send = async (): Promise<void> => {
        await producer.send(
          topic,
          numbers(40, sent).map((value) => ({ value, partition: Number(value) % 4 })),
        );
        sent += 40;
      };
      const member = { topics: [topic], group, offsetReset: "earliest", groupProtocol: "classic" } as const;
      const timely = { ...member, heartbeatIntervalMs: 100, sessionTimeoutMs: 1000, autoCommitIntervalMs: 20 };
      const owned = async (tab: Page) => await tab.evaluate(() => (globalThis as unknown as Reading).log.at(-1));
      await follow(one!, timely);
      await send();
      await eventually(async () => (await owned(one!)) === "owns 4");
      await follow(two!, timely);
      await eventually(async () => (await owned(one!)) === "owns 2" && (await owned(two!)) === "owns 2");
      await send();
      const all = async (...read: Page[]): Promise<string[]> =>
        (await Promise.all(read.map(valuesIn))).flat().toSorted((a, b) => Number(a) - Number(b));
      await eventually(async () => (await all(one!, two!)).length >= sent);
      // Orderly: nothing is read twice.
      await two!.evaluate(async () => await (globalThis as unknown as Reading).client.close());
      await eventually(async () => (await owned(one!)) === "owns 4");
      await send();
      await eventually(async () => (await all(one!, two!)).length >= sent);
      expect(await all(one!, two!)).toEqual(numbers(sent));
      // A tab that is closed says nothing; its session ends.
      const before = await valuesIn(two!);
      await follow(three!, timely);
      await eventually(async () => (await owned(one!)) === "owns 2" && (await owned(three!)) === "owns 2");
      await three!.close();
      await send();
      await eventually(async () => (await owned(one!)) === "owns 4");
      await eventually(async () => new Set([...before, ...(await valuesIn(one!))]).size >= sent);
    },
  );

  test("sockets cut again and again: nothing is lost, nothing is there twice, in any tab", { timeout: 60_000 }, async () => {
    const proxy = await startCuttingProxy(httpPortOf(running()));
    onTestFinished(() => proxy.stop());
    const [writer, reader] = await tabs(2, urlOf(proxy.port));
    const topic = freshName("cut");
    await fromNode()
      .admin()
      .createTopics([{ name: topic, partitions: 1 }]);
    await follow(reader!, { topics: [topic], offsetReset: "earliest" });
    const total = 1000;
    const writing = writer!.evaluate(
      async ([topicName, count]) => {
        const tab = globalThis as unknown as Reading;
        const producer = tab.kante
          .connect(tab.url, { reconnectBackoffMs: [20, 200], retryBackoffMs: [20, 200] })
          .producer({ batchBytes: 400 });
        const sends = [];
        for (let value = 0; value < count; value++) {
          sends.push(producer.send(topicName, { value: String(value) }));
          if (value % 20 === 19) await sends.at(-10);
        }
        return (await Promise.all(sends)).map(({ offset }) => offset);
      },
      [topic, total] as const,
    );
    for (let cut = 1; cut <= 6; cut++) {
      await reader!.waitForFunction((count) => (globalThis as unknown as Reading).values.length >= count, cut * 120);
      proxy.cut();
    }
    expect(await writing).toEqual(Array.from({ length: total }, (_, index) => index));
    await reader!.waitForFunction((count) => (globalThis as unknown as Reading).values.length >= count, total);
    expect(await valuesIn(reader!)).toEqual(numbers(total));
  });

  const frozenTitle = "a frozen tab loses its partitions (%s), wakes up, joins again and goes on; what it was sending arrives once";
  test.for(["classic", "consumer"] as const)(frozenTitle, { timeout: 60_000 }, async (groupProtocol) => {
    const [other] = await tabs(1);
    const frozen = await FreezableTab.open(stage.browser(), `${await servePages()}/?url=${encodeURIComponent(urlOf())}`);
    await eventually(async () => await frozen.evaluate(() => document.title === "ready"));
    const [topic, sentTopic, group] = [freshName("frozen"), freshName("sent"), freshName("group")];
    const client = fromNode();
    await client.admin().createTopics([
      { name: topic, partitions: 2 },
      { name: sentTopic, partitions: 1 },
    ]);
    const member = { topics: [topic], group, offsetReset: "earliest", groupProtocol } as const;
    const timely = { ...member, heartbeatIntervalMs: 50, sessionTimeoutMs: 500, autoCommitIntervalMs: 20 };
    await follow(frozen, timely);
    const logOf = async (tab: Scriptable) => await tab.evaluate(() => (globalThis as unknown as Reading).log, undefined);
    await eventually(async () => (await logOf(frozen)).at(-1) === "owns 2");
    // One after the other, so that there is one under way and many are left in the moment in which the tab is stopped.
    await frozen.evaluate((name) => {
      const tab = globalThis as unknown as Reading;
      const producer = tab.client.producer();
      const sendAll = async (): Promise<void> => {
        for (let value = 0; value < 400; value++) await producer.send(name, { value: String(value) });
        tab.log.push("sent all");
      };
      void sendAll();
    }, sentTopic);
    await frozen.freeze();
    const frozenAtMs = Date.now();
    await follow(other!, timely);
    await eventually(async () => (await logOf(other!)).at(-1) === "owns 2");
    await client.producer().send(
      topic,
      numbers(20).map((value) => ({ value, partition: Number(value) % 2 })),
    );
    await eventually(async () => (await valuesIn(other!)).length === 20);
    const sentEarly = await frozen.evaluate(() => (globalThis as unknown as Reading).log.filter((entry) => entry === "sent all"));
    expect(sentEarly).toEqual([]);
    // What is shorter the library takes for a busy runtime.
    await eventually(() => Date.now() - frozenAtMs > 4000);
    await frozen.wake();
    await eventually(async () => (await logOf(frozen)).at(-1) === "owns 1" && (await logOf(other!)).at(-1) === "owns 1");
    expect(await logOf(frozen)).toContain("lost 2");
    await client.producer().send(
      topic,
      numbers(20, 20).map((value) => ({ value, partition: Number(value) % 2 })),
    );
    const all = async () => [...(await valuesIn(frozen)), ...(await valuesIn(other!))];
    await eventually(async () => (await all()).length >= 40);
    expect((await all()).toSorted((a, b) => Number(a) - Number(b))).toEqual(numbers(40));
    await eventually(async () => (await logOf(frozen)).includes("sent all"));
    const sent = await take(client.consumer({ topics: [sentTopic], offsetReset: "earliest", value: string }), 400);
    expect(sent.map(({ value }) => value)).toEqual(numbers(400));
    expect(await client.admin().listOffsets([{ topic: sentTopic, partition: 0 }], "latest")).toMatchObject([{ offset: 400 }]);
  });

  test("100 MiB are read with a flat heap, also by a reader that takes its time", { timeout: 120_000 }, async () => {
    const [tab] = await tabs(1);
    const topic = freshName("much");
    const client = fromNode();
    await client.admin().createTopics([{ name: topic, partitions: 4 }]);
    const producer = client.producer();
    const records = Array.from({ length: 1024 }, (_, index) => ({ value: new Uint8Array(1024).fill(index), partition: index % 4 }));
    for (let sent = 0; sent < 100; sent++) {
      void producer.send(topic, records);
      await producer.ready;
    }
    await producer.flush();
    const devTools = await tab!.context().newCDPSession(tab!);
    const used = async (): Promise<number> => {
      await devTools.send("HeapProfiler.collectGarbage");
      const usage = (await devTools.send("Runtime.getHeapUsage")) as { usedSize: number; backingStorageSize: number };
      return usage.usedSize + usage.backingStorageSize;
    };
    const before = await used();
    // Reads until so much is read, and then holds still: what is read ahead meanwhile is all there is.
    const readUntil = async (bytes: number): Promise<void> => {
      await tab!.evaluate(
        async ([topicName, until]) => {
          const state = globalThis as unknown as InTab & {
            records?: AsyncIterator<{ value: Uint8Array | null }>;
            read: number;
          };
          if (state.records === undefined) {
            state.read = 0;
            const consumer = state.kante.connect(state.url).consumer({ topics: [topicName], offsetReset: "earliest" });
            state.records = consumer[Symbol.asyncIterator]();
          }
          while (state.read < until) state.read += (await state.records.next()).value?.value?.byteLength ?? 0;
        },
        [topic, bytes] as const,
      );
    };
    const grown: number[] = [];
    for (let step = 1; step <= 10; step++) {
      await readUntil(step * 10 * mebibyte);
      grown.push((await used()) - before);
    }
    // The budget for reading ahead is 16 MiB; chunks on their way, batches that are open and the page itself come to it.
    for (const bytes of grown) expect(bytes).toBeLessThan(32 * mebibyte);
    expect(Math.max(...grown)).toBeGreaterThan(0);
  });

  test("records of every codec are read, whoever wrote them", async () => {
    const [tab] = await tabs(1);
    const topic = freshName("codecs");
    const client = fromNode();
    await client.admin().createTopics([{ name: topic, partitions: 1 }]);
    const theirs = new Platformatic(running().bootstrap, onTestFinished);
    const codecs = ["none", "gzip", "snappy", "lz4", "zstd"] as const;
    for (const compression of codecs)
      await theirs.producer({ compression }).send({ messages: [{ topic, value: compression.repeat(100), partition: 0 }] });
    await follow(tab!, { topics: [topic], offsetReset: "earliest" });
    await eventually(async () => (await valuesIn(tab!)).length === codecs.length);
    expect(await valuesIn(tab!)).toEqual(codecs.map((name) => name.repeat(100)));
  });

  test("the chat of the examples: two tabs, one conversation", async () => {
    const [context, origin] = [await stage.context(), await servePages()];
    const chat = async (name: string): Promise<Page> => {
      const page = await context.newPage();
      await page.goto(`${origin}/chat.html?url=${encodeURIComponent(urlOf())}`);
      await page.getByLabel("Your name").fill(name);
      return page;
    };
    const [ada, bob] = [await chat("Ada"), await chat("Bob")];
    const say = async (page: Page, text: string): Promise<void> => {
      await page.getByLabel("Message").fill(text);
      await page.getByRole("button", { name: "Send" }).click();
      for (const each of [ada, bob]) await each.getByText(text).waitFor();
    };
    await say(ada, "hello Bob");
    await say(bob, "hello Ada");
    await say(ada, "<b>no markup</b>");
    for (const page of [ada, bob]) {
      const lines = await page.locator("#messages li").allTextContents();
      expect(lines.map((line) => line.replace(/^.*?([A-Z][a-z]+: )/, "$1"))).toEqual([
        "Ada: hello Bob",
        "Bob: hello Ada",
        "Ada: <b>no markup</b>",
      ]);
      expect(await page.locator("#status").textContent()).toBe("");
    }
  });
});

/** Begins to read in a tab: values are noted, when each came, and what the group gives and takes. */
async function follow(tab: Scriptable, options: object): Promise<void> {
  await tab.evaluate((given) => {
    const state = globalThis as unknown as Reading;
    state.values = [];
    state.log = [];
    state.client = state.kante.connect(state.url, { reconnectBackoffMs: [20, 200], retryBackoffMs: [20, 200] });
    const owned = new Set<number>();
    const isMember = "group" in given;
    const note = (what: string): void => void (isMember && state.log.push(what));
    const own = (): void => note(`owns ${owned.size}`);
    const consumer = state.client.consumer({
      topics: [],
      value: state.kante.string,
      ...given,
      onAssigned(partitions) {
        for (const { partition } of partitions) owned.add(partition);
        own();
      },
      onRevoked(partitions) {
        for (const { partition } of partitions) owned.delete(partition);
        own();
      },
      onLost(partitions) {
        for (const { partition } of partitions) owned.delete(partition);
        note(`lost ${partitions.length}`);
        own();
      },
    });
    void (async () => {
      for await (const { value } of consumer) state.values.push(value ?? "");
    })();
  }, options);
}

async function valuesIn(tab: Scriptable): Promise<string[]> {
  return await tab.evaluate(() => (globalThis as unknown as Reading).values, undefined);
}
