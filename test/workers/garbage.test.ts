/** What nobody refers to any more is deleted from the bucket, in the real runtime, through alarms, evictions and nothing else. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, expect, test, vi } from "vitest";
import { settingDefaults } from "../../core/settings.ts";
import { produce } from "../../protocol/messages/00-produce.ts";
import { metadata } from "../../protocol/messages/03-metadata.ts";
import { deleteTopics } from "../../protocol/messages/20-delete-topics.ts";
import { openStore } from "../../durable-objects/stores.ts";
import { encodeBatch, writtenNow } from "../kernel/batch-builder.ts";
import app from "../../worker/entry.ts";
import { KafkaSocket, bindings } from "./kafka-socket.ts";

const graceMs = settingDefaults["storage.delete.grace.ms"];

afterEach(() => {
  vi.useRealTimers();
});

function pass(ms: number): void {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ms });
}

const leaderOf = (cluster: string) => bindings.LEADER.getByName(`${cluster}/cell/0`);
const controllerOf = (cluster: string) => bindings.CONTROLLER.getByName(`${cluster}/controller`);

async function alarmOf(stub: DurableObjectStub): Promise<number | null> {
  return await runInDurableObject(stub, (_: DurableObject, state: DurableObjectState) => state.storage.getAlarm());
}

async function produceLarge(socket: KafkaSocket, topic: string, count: number): Promise<void> {
  for (let number = 0; number < count; number++) {
    const records = encodeBatch({ records: [{ value: new Uint8Array(100_000).fill(number) }], ...writtenNow() });
    const { responses } = await socket.call(produce, 9, {
      transactionalId: null,
      acks: -1,
      timeoutMs: 10_000,
      topicData: [{ name: topic, partitionData: [{ index: 0, records }] }],
    });
    expect(responses[0]?.partitionResponses[0]?.errorCode).toBe(0);
  }
}

test("[D12] [I6] what a deleted topic leaves in the bucket goes within minutes, not before the grace, and then no alarm stands", async () => {
  const cluster = "emptied";
  const socket = await KafkaSocket.open(cluster);
  await socket.call(metadata, 12, { topics: [{ name: "topic" }], allowAutoTopicCreation: true });
  await produceLarge(socket, "topic", 3);
  const store = openStore(bindings, cluster);
  const keys = async () => (await store.list("")).objects.map(({ key }) => key);
  expect(await keys()).toEqual(["wal/0/1/1", "wal/0/1/2", "wal/0/1/3"]);

  const { responses } = await socket.call(deleteTopics, 5, { topicNames: ["topic"], timeoutMs: 10_000 });
  expect(responses[0]).toMatchObject({ errorCode: 0 });
  // The controller tells the leader in its own time.
  await vi.waitFor(async () => expect(await alarmOf(controllerOf(cluster))).toBeNull());
  await evictDurableObject(leaderOf(cluster));
  pass(graceMs / 4);
  await runDurableObjectAlarm(leaderOf(cluster));
  expect(await alarmOf(leaderOf(cluster))).toBeNull();

  await runDurableObjectAlarm(controllerOf(cluster));
  expect(await keys()).toHaveLength(3);
  await evictDurableObject(controllerOf(cluster));
  expect(await alarmOf(controllerOf(cluster))).toBeGreaterThan(Date.now());
  pass(graceMs);
  await runDurableObjectAlarm(controllerOf(cluster));
  expect(await keys()).toEqual([]);
  expect(await alarmOf(controllerOf(cluster))).toBeNull();
  expect(await alarmOf(leaderOf(cluster))).toBeNull();

  // The broker goes on where it was.
  await socket.call(metadata, 12, { topics: [{ name: "next" }], allowAutoTopicCreation: true });
  await produceLarge(socket, "next", 1);
  expect(await keys()).toEqual(["wal/0/1/4"]);
  socket.close();
});

test("[D12] a broker's epoch that is over keeps no object that nobody committed", async () => {
  const cluster = "orphaned";
  const socket = await KafkaSocket.open(cluster);
  await socket.call(metadata, 12, { topics: [{ name: "topic" }], allowAutoTopicCreation: true });
  await produceLarge(socket, "topic", 1);
  const store = openStore(bindings, cluster);
  await store.put("wal/0/1/7", new Uint8Array(10));
  await evictDurableObject(bindings.BROKER.getByName(`${cluster}/local/0`), { webSockets: "close" });
  const again = await KafkaSocket.open(cluster);
  await produceLarge(again, "topic", 1);
  await runDurableObjectAlarm(controllerOf(cluster));
  expect(await alarmOf(controllerOf(cluster))).toBeNull();
  // The first is still referred to: objects behind it wait for it to go.
  expect((await store.list("")).objects.map(({ key }) => key)).toEqual(["wal/0/1/1", "wal/0/1/7", "wal/0/2/1"]);
  await again.call(deleteTopics, 5, { topicNames: ["topic"], timeoutMs: 10_000 });
  await vi.waitFor(async () => expect(await alarmOf(controllerOf(cluster))).toBeNull());
  pass(graceMs / 4);
  await runDurableObjectAlarm(leaderOf(cluster));
  await runDurableObjectAlarm(controllerOf(cluster));
  pass(graceMs);
  await runDurableObjectAlarm(controllerOf(cluster));
  expect((await store.list("")).objects).toEqual([]);
  socket.close();
  again.close();
});

interface Answer {
  readonly objects: number;
  readonly orphans: number;
  readonly removed: number;
  readonly unknown: number;
  readonly keys: readonly string[];
}

async function reconcile(cluster: string, remove: boolean): Promise<Answer> {
  const request = new Request(`http://kante/c/${cluster}/reconcile?remove=${remove}`, { method: "POST" });
  const response = await app.fetch(request, bindings);
  expect(response.status).toBe(200);
  return await response.json<Answer>();
}

test("[D12] [I6] a reconciliation finds orphans that are older than a day, removes them when told to, and nothing else", async () => {
  const cluster = "reconciled";
  const socket = await KafkaSocket.open(cluster);
  await socket.call(metadata, 12, { topics: [{ name: "topic" }], allowAutoTopicCreation: true });
  await produceLarge(socket, "topic", 2);
  const store = openStore(bindings, cluster);
  const orphans = ["merged/0/99999", "merged/7/3-1", "wal/0/1/0"];
  // The last two: not committed yet as far as anybody knows, and not ours.
  for (const key of [...orphans, "wal/0/1/50", "notes/mine"]) await store.put(key, new Uint8Array(5));
  const kept = ["notes/mine", "wal/0/1/1", "wal/0/1/2", "wal/0/1/50"];
  expect(await reconcile(cluster, true)).toMatchObject({ objects: 7, orphans: 0, removed: 0 });
  pass(86_400_000 + 60_000);
  expect(await reconcile(cluster, false)).toMatchObject({ objects: 7, orphans: 3, removed: 0, unknown: 1, keys: orphans });
  expect((await store.list("")).objects).toHaveLength(7);
  expect(await reconcile(cluster, true)).toMatchObject({ orphans: 3, removed: 3 });
  expect((await store.list("")).objects.map(({ key }) => key)).toEqual(kept);
  expect(await reconcile(cluster, true)).toMatchObject({ objects: 4, orphans: 0 });
  socket.close();
});
