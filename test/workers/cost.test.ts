/** GET /cost: what was counted where it happened, at list prices. */
import { evictDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import { produce } from "../../protocol/messages/00-produce.ts";
import { metadata } from "../../protocol/messages/03-metadata.ts";
import app from "../../worker/entry.ts";
import { encodeBatch, writtenNow } from "../kernel/batch-builder.ts";
import { KafkaSocket, bindings } from "./kafka-socket.ts";

interface Answer {
  readonly lines: Readonly<Record<string, { readonly count: number; readonly usd: number }>>;
  readonly usd: number;
  readonly usdPerMonth: number;
  readonly topics: readonly { readonly name: string; readonly storedBytes: number; readonly usdPerMonth: number }[];
}

async function costOf(cluster: string): Promise<Answer> {
  const response = await app.fetch(new Request(`http://kante/c/${cluster}/cost`), bindings);
  expect(response.status).toBe(200);
  return await response.json<Answer>();
}

test("PUTs, rows, requests and messages of a cluster are counted one by one, and priced", async () => {
  const cluster = "counted";
  const socket = await KafkaSocket.open(cluster);
  await socket.call(metadata, 12, { topics: [{ name: "topic" }], allowAutoTopicCreation: true });
  const write = async (bytes: number) => {
    const records = encodeBatch({ records: [{ value: new Uint8Array(bytes) }], ...writtenNow() });
    const topicData = [{ name: "topic", partitionData: [{ index: 0, records }] }];
    await socket.call(produce, 9, { transactionalId: null, acks: -1, timeoutMs: 10_000, topicData });
    return records.length;
  };
  let stored = await write(100_000);
  const before = await costOf(cluster);
  expect(before.lines["class-a"]).toEqual(expect.objectContaining({ count: 1, usd: 4.5e-6 }));
  const commits = 5;
  for (let number = 0; number < commits; number++) stored += await write(100);
  const after = await costOf(cluster);
  const more = (what: string) => (after.lines[what]?.count ?? 0) - (before.lines[what]?.count ?? 0);
  // Small ones travel inline: a request and a row each, and no PUT. To ask is a request to each object asked, too.
  expect(more("class-a")).toBe(0);
  expect(more("rows-written")).toBe(commits);
  expect(more("websocket-messages")).toBe(commits);
  expect(more("requests")).toBeGreaterThanOrEqual(commits);
  expect(more("requests")).toBeLessThanOrEqual(commits + 12);
  expect(after.topics).toEqual([expect.objectContaining({ name: "topic", storedBytes: stored })]);
  const sum = Object.values(after.lines).reduce((total, { usd }) => total + usd, 0);
  expect(after.usd).toBeCloseTo(sum, 12);
  expect(after.usdPerMonth).toBeGreaterThan(after.usd);
  socket.close();
});

test("a topic's bytes are in the bill also after its brokers have slept and remember no leader", async () => {
  const cluster = "slept";
  const socket = await KafkaSocket.open(cluster);
  await socket.call(metadata, 12, { topics: [{ name: "topic" }], allowAutoTopicCreation: true });
  const records = encodeBatch({ records: [{ value: new Uint8Array(1000) }], ...writtenNow() });
  const topicData = [{ name: "topic", partitionData: [{ index: 0, records }] }];
  await socket.call(produce, 9, { transactionalId: null, acks: -1, timeoutMs: 10_000, topicData });
  socket.close();
  await evictDurableObject(bindings.BROKER.getByName(`${cluster}/local/0`), { webSockets: "close" });
  const { topics, lines } = await costOf(cluster);
  expect(topics).toEqual([expect.objectContaining({ name: "topic", storedBytes: records.length })]);
  expect(lines["row-gb-months"]!.count).toBeGreaterThan(0);
});

test("[I10] a cluster that is not there costs nothing and is not made by asking", async () => {
  const response = await app.fetch(new Request("http://kante/c/nowhere/cost"), bindings);
  expect(response.status).toBe(404);
});
