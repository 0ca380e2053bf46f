/**
 * What an object counts of itself against what the runtime says of the same: rows read and written, calls, alarms, messages, and operations
 * of the store. Each scenario is so small that every count is known one by one.
 */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, expect, test, vi } from "vitest";
import type { Billed } from "../../core/cost/prices.ts";
import { billOf } from "../../core/cost/bill.ts";
import type { BrokerMetrics } from "../../durable-objects/broker.ts";
import { countedOf } from "../../durable-objects/cost-meter.ts";
import { CountedSql } from "../../durable-objects/counted-sql.ts";
import { leaderClient } from "../../durable-objects/leader-client.ts";
import type { Leader, LeaderRpc } from "../../durable-objects/leader.ts";
import { openStore } from "../../durable-objects/stores.ts";
import { metadata } from "../../protocol/messages/03-metadata.ts";
import { Chain, createTime, plain } from "../contract/commits.ts";
import { KafkaSocket, bindings } from "./kafka-socket.ts";

const topicId = "b1946ac9-2c5d-4f0e-9d5c-9b7f0e2c1a55";

afterEach(() => void vi.useRealTimers());

function leaderOf(cluster: string) {
  const stub = bindings.LEADER.getByName(`${cluster}/cell/0`) as unknown as DurableObjectStub<Leader>;
  const rpc = stub as unknown as LeaderRpc;
  const count = async (what: Billed) => countedOf(await rpc.metrics(), Date.now()).usage[what] ?? 0;
  /** In the storage itself, past all counting. */
  const stored = async (query: string): Promise<number> =>
    await runInDurableObject(stub, (_: Leader, state: DurableObjectState) =>
      Number(Object.values(state.storage.sql.exec(query).one())[0]),
    );
  return { stub, count, stored, leader: leaderClient(bindings, cluster, 0) };
}

test("rows written are the rows that are there, and one for each alarm that was set", async () => {
  const { stub, count, stored, leader } = leaderOf("rows-written");
  const ref = { topicId, partition: 0 };
  await leader.createPartitions([ref], createTime);
  const before = await count("rows-written");
  const journalBefore = await stored("SELECT count(*) FROM journal");
  const alarm = async () => await runInDurableObject(stub, (_: Leader, state: DurableObjectState) => state.storage.getAlarm());
  expect(await alarm()).toBeNull();
  const chain = new Chain(3, 1);
  for (let commit = 0; commit < 4; commit++) await leader.commit(chain.object([[ref, [plain(1, { maxTimestamp: Date.now() })]]]));
  expect(await alarm()).not.toBeNull();
  const journal = (await stored("SELECT count(*) FROM journal")) - journalBefore;
  expect(journal).toBe(4);
  // The first commit sets the alarm for the merge; the others leave it where it is.
  expect((await count("rows-written")) - before).toBe(journal + 1);
});

test("rows read are those that a look-up reads, and a commit or a look at memory reads none", async () => {
  const { stub, count, leader } = leaderOf("rows-read");
  const ref = { topicId, partition: 0 };
  await leader.createPartitions([ref], createTime);
  const chain = new Chain(3, 1);
  for (let commit = 0; commit < 4; commit++) await leader.commit(chain.inline([[ref, [plain(1)]]]));
  const before = await count("rows-read");
  await leader.listOffsets([{ ...ref, spec: { kind: "latest", readCommitted: false } }]);
  expect((await count("rows-read")) - before).toBe(0);
  const { results } = await leader.findBatches([{ ...ref, offset: 0, maxBytes: 1e6 }]);
  const inRows = results[0]!.extents.filter(({ source }) => source.kind === "inline").length;
  expect(inRows).toBe(4);
  expect((await count("rows-read")) - before).toBe(4);
  // The same as the runtime's cursors say, whatever a statement does.
  const said = await runInDurableObject(stub, (_: Leader, state: DurableObjectState) => {
    const counted = { read: 0, written: 0 };
    const meter = { rowsRead: (rows: number) => (counted.read += rows), rowsWritten: (rows: number) => (counted.written += rows) };
    const sql = new CountedSql(state.storage.sql, meter);
    const own = { read: 0, written: 0 };
    const statements = [
      "CREATE TABLE billed (id INTEGER PRIMARY KEY, word TEXT)",
      "CREATE INDEX words ON billed (word)",
      "INSERT INTO billed (id, word) VALUES (1, 'a'), (2, 'b'), (3, 'c')",
      "SELECT * FROM billed WHERE word > 'a'",
      "DELETE FROM billed WHERE id < 3",
      "DROP TABLE billed",
    ];
    for (const statement of statements) {
      const cursor = state.storage.sql.exec(statement);
      cursor.toArray();
      own.read += cursor.rowsRead;
      own.written += cursor.rowsWritten;
    }
    for (const statement of statements) sql.exec(statement);
    return { counted, own };
  });
  expect(said.counted).toEqual(said.own);
  expect(said.counted.read).toBeGreaterThan(0);
  expect(said.counted.written).toBeGreaterThan(3);
});

test("every call is a request, an alarm that rings too, and nothing else is", async () => {
  const { stub, count, leader } = leaderOf("requests");
  const ref = { topicId, partition: 0 };
  await leader.createPartitions([ref], createTime);
  const before = await count("requests");
  for (let call = 0; call < 3; call++) await leader.describePartitions([ref]);
  // To ask for the count is a call as well.
  expect((await count("requests")) - before).toBe(3 + 1);
  await leader.commit(new Chain(3, 1).object([[ref, [plain(1, { maxTimestamp: Date.now() })]]]));
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 30_000 });
  expect(await runDurableObjectAlarm(stub)).toBe(true);
  expect((await count("requests")) - before).toBe(3 + 1 + 1 + 1 + 1);
});

test("a message of a WebSocket is a twentieth of a request", async () => {
  const cluster = "messages";
  const socket = await KafkaSocket.open(cluster);
  const broker = bindings.BROKER.getByName(`${cluster}/local/0`) as unknown as {
    metrics(): Promise<BrokerMetrics>;
  };
  const usage = async () => countedOf((await broker.metrics()).metrics, Date.now()).usage;
  await socket.call(metadata, 12, { topics: [{ name: "topic" }], allowAutoTopicCreation: true });
  const before = await usage();
  for (let message = 0; message < 7; message++) await socket.call(metadata, 12, { topics: null, allowAutoTopicCreation: false });
  const after = await usage();
  const messages = after["websocket-messages"]! - before["websocket-messages"]!;
  expect(messages).toBe(7);
  // Of the object itself only the question for its figures was a call.
  expect(after.requests! - before.requests!).toBe(1);
  const { lines } = billOf([{ usage: { "websocket-messages": 20e6, requests: 1e6 }, elapsedMs: 60_000 }]);
  expect(lines["websocket-messages"]!.usd).toBe(lines.requests!.usd);
  socket.close();
});

test("of the store, writes and lists are one class, reads the other, however they end, and deletions are free", async () => {
  const counts = { "class-a": 0, "class-b": 0 };
  const store = openStore(bindings, "operations", (operation, by = 1) => {
    counts[operation] += by;
  });
  const bytes = new Uint8Array(1000);
  const seen = async (work: () => Promise<unknown>): Promise<string> => {
    const before = { ...counts };
    await work();
    return `${counts["class-a"] - before["class-a"]} ${counts["class-b"] - before["class-b"]}`;
  };
  const stream = async function* (): AsyncGenerator<Uint8Array> {
    yield bytes;
  };
  expect(await seen(() => store.put("a", bytes))).toBe("1 0");
  expect(await seen(() => store.putIfAbsent("b", bytes))).toBe("1 0");
  expect(await seen(() => store.putIfAbsent("b", bytes))).toBe("1 0");
  expect(await seen(() => store.putStream("c", bytes.length, stream()))).toBe("1 0");
  expect(await seen(() => store.putStream("d", undefined, stream()))).toBe("1 0");
  expect(await seen(() => store.get("a"))).toBe("0 1");
  expect(await seen(() => store.get("a", { start: 10, length: 20 }))).toBe("0 1");
  expect(await seen(() => store.get("nothing"))).toBe("0 1");
  expect(await seen(() => store.list(""))).toBe("1 0");
  const { objects } = await store.list("");
  expect(objects).toHaveLength(4);
  expect(await seen(() => store.delete(objects.map(({ key }) => key)))).toBe("0 0");
  expect((await store.list("")).objects).toEqual([]);
});
