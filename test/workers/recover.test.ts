/** A leader that has lost its rows: it does no harm, and its cell is rebuilt from the bucket into a new one, in the real runtime. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, expect, test, vi } from "vitest";
import { settingDefaults } from "../../core/settings.ts";
import type { Recovery } from "../../durable-objects/cluster-recovery.ts";
import { leaderClient } from "../../durable-objects/leader-client.ts";
import { openStore } from "../../durable-objects/stores.ts";
import { produce } from "../../protocol/messages/00-produce.ts";
import { fetch } from "../../protocol/messages/01-fetch.ts";
import { listOffsets } from "../../protocol/messages/02-list-offsets.ts";
import { metadata } from "../../protocol/messages/03-metadata.ts";
import { offsetForLeaderEpoch } from "../../protocol/messages/23-offset-for-leader-epoch.ts";
import { deleteTopics } from "../../protocol/messages/20-delete-topics.ts";
import app from "../../worker/entry.ts";
import { createTime } from "../contract/commits.ts";
import { encodeBatch, writtenNow } from "../kernel/batch-builder.ts";
import { KafkaSocket, bindings } from "./kafka-socket.ts";

const gap = 1000;

afterEach(() => {
  vi.useRealTimers();
});

function pass(ms: number): void {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ms });
}

class Cluster {
  readonly name: string;
  socket!: KafkaSocket;
  readonly store;

  constructor(name: string) {
    this.name = name;
    this.store = openStore(bindings, name);
  }

  async open(): Promise<this> {
    this.socket = await KafkaSocket.open(this.name);
    return this;
  }

  async topic(name: string): Promise<{ readonly topicId: string; readonly leaderEpoch: number }> {
    const { topics } = await this.socket.call(metadata, 12, { topics: [{ name }], allowAutoTopicCreation: true });
    return { topicId: topics[0]!.topicId, leaderEpoch: topics[0]!.partitions[0]?.leaderEpoch ?? -1 };
  }

  async produce(value: Uint8Array, producer?: { readonly producerId: number; readonly baseSequence: number }, topic = "topic") {
    const of = producer && { producerId: BigInt(producer.producerId), producerEpoch: 0, baseSequence: producer.baseSequence };
    const records = encodeBatch({ records: [{ value }], ...writtenNow(), ...of });
    const topicData = [{ name: topic, partitionData: [{ index: 0, records }] }];
    const { responses } = await this.socket.call(produce, 9, { transactionalId: null, acks: -1, timeoutMs: 10_000, topicData });
    const { errorCode, baseOffset } = responses[0]!.partitionResponses[0]!;
    return errorCode === 0 ? Number(baseOffset) : `error ${errorCode}`;
  }

  /** Goes into an object. */
  async large(number: number, producerId?: number): Promise<number | string> {
    const value = new Uint8Array(100_000).fill(number);
    return await this.produce(value, producerId === undefined ? undefined : { producerId, baseSequence: number });
  }

  /** Stays inline. */
  async small(number: number, producerId?: number): Promise<number | string> {
    return await this.produce(
      new Uint8Array([number]),
      producerId === undefined ? undefined : { producerId, baseSequence: number },
    );
  }

  leader(cell: number) {
    return bindings.LEADER.getByName(`${this.name}/cell/${cell}`);
  }

  async merge(cell: number): Promise<void> {
    pass(settingDefaults["merge.interval.ms"]);
    await runDurableObjectAlarm(this.leader(cell));
  }

  async lose(cell: number): Promise<void> {
    await runInDurableObject(this.leader(cell), async (_: DurableObject, state: DurableObjectState) => {
      await state.storage.deleteAlarm();
      await state.storage.deleteAll();
    });
    await evictDurableObject(this.leader(cell));
  }

  /** Rows are there, and nothing can be made of them. */
  async damage(cell: number): Promise<void> {
    await runInDurableObject(this.leader(cell), async (_: DurableObject, state: DurableObjectState) => {
      await state.storage.deleteAlarm();
      state.storage.sql.exec("UPDATE journal SET entry = x'ff7f00ff'");
    });
    await evictDurableObject(this.leader(cell));
  }

  async recover(write: boolean, giveUp?: number): Promise<Recovery> {
    const more = giveUp === undefined ? "" : `&give-up=${giveUp}`;
    const url = `http://kante/c/${this.name}/recover?write=${write}&offset-gap=${gap}${more}`;
    const response = await app.fetch(new Request(url, { method: "POST" }), bindings);
    expect(response.status).toBe(200);
    return await response.json<Recovery>();
  }

  async bounds(topic = "topic"): Promise<readonly [number, number]> {
    const ask = async (timestamp: bigint) => {
      const topics = [{ name: topic, partitions: [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp }] }];
      const { topics: answers } = await this.socket.call(listOffsets, 7, { replicaId: -1, isolationLevel: 0, topics });
      return Number(answers[0]!.partitions[0]!.offset);
    };
    return [await ask(-2n), await ask(-1n)];
  }

  /** First byte of every record by offset, read from the beginning to the end. */
  async readAll(topic = "topic"): Promise<readonly (readonly [offset: number, value: number])[]> {
    const [start, end] = await this.bounds(topic);
    const read: [number, number][] = [];
    for (let offset = start; offset < end;) {
      const { responses } = await this.socket.call(fetch, 12, {
        maxWaitMs: 500,
        minBytes: 1,
        maxBytes: 50_000_000,
        topics: [{ topic, partitions: [{ partition: 0, fetchOffset: BigInt(offset), partitionMaxBytes: 1_000_000 }] }],
      });
      const { errorCode, records } = responses[0]!.partitions[0]!;
      expect(errorCode).toBe(0);
      const batches = decode(records!);
      expect(batches.length).toBeGreaterThan(0);
      for (const { baseOffset, count, value } of batches) {
        if (count > 0 && baseOffset >= offset) read.push([baseOffset, value]);
      }
      offset = batches.at(-1)!.nextOffset;
    }
    return read;
  }
}

interface Batch {
  readonly baseOffset: number;
  readonly nextOffset: number;
  readonly count: number;
  readonly value: number;
}

function decode(bytes: Uint8Array): Batch[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const batches: Batch[] = [];
  for (let at = 0; at < bytes.length;) {
    const baseOffset = Number(view.getBigInt64(at));
    const size = 12 + view.getInt32(at + 8);
    const nextOffset = baseOffset + view.getInt32(at + 23) + 1;
    // The value is the last but the count of headers.
    batches.push({ baseOffset, nextOffset, count: view.getInt32(at + 57), value: bytes[at + size - 2]! });
    at += size;
  }
  return batches;
}

test("[D9] a cell whose rows are there and cannot be read is left alone, says why, and is rebuilt in a new one when it is given up", async () => {
  const cluster = await new Cluster("unreadable").open();
  await cluster.topic("topic");
  for (const number of [0, 1]) expect(await cluster.large(number)).toBe(number);
  await cluster.merge(0);
  await cluster.damage(0);
  const left = await cluster.recover(true);
  expect(left).toMatchObject({ healthy: [], silent: [0], recovered: [] });
  expect(left.silentReasons[0]).toMatch(/journal|row|entry|kind/i);
  // Another cell's number gives up nothing.
  expect(await cluster.recover(true, 7)).toMatchObject({ silent: [0], recovered: [] });
  expect(await cluster.recover(false, 0)).toMatchObject({ silent: [], recovered: [{ cell: 0, newCell: 1, written: false }] });
  expect(await cluster.recover(true)).toMatchObject({ silent: [0], recovered: [] });
  expect(await cluster.recover(true, 0)).toMatchObject({ silent: [], recovered: [{ cell: 0, newCell: 1, written: true }] });
  // A cell that answers is never given up.
  expect(await cluster.recover(true, 1)).toMatchObject({ healthy: [1], silent: [], recovered: [] });
  await vi.waitFor(async () => expect((await cluster.topic("topic")).leaderEpoch).toBe(1));
  const kept = [
    [0, 0],
    [1, 1],
  ];
  expect(await cluster.readAll()).toEqual(kept);
  const next = await cluster.large(2);
  expect(await cluster.readAll()).toEqual([...kept, [next, 2]]);
  cluster.socket.close();
});

test("[D9] [I7] a cell whose leader has lost its rows is rebuilt in a new one: what was merged keeps its offsets, what was not is there behind them", async () => {
  const cluster = await new Cluster("lost").open();
  const { topicId } = await cluster.topic("topic");
  // Merged: three objects, and what is inline between them.
  for (const number of [0, 1]) expect(await cluster.large(number)).toBe(number);
  expect(await cluster.small(2)).toBe(2);
  expect(await cluster.large(3)).toBe(3);
  await cluster.merge(0);
  // Not merged: an object between two inline records, which are lost with the rows.
  expect(await cluster.small(4)).toBe(4);
  expect(await cluster.large(5)).toBe(5);
  expect(await cluster.small(6)).toBe(6);
  // The broker's cache has them with these offsets.
  expect(await cluster.readAll()).toHaveLength(7);
  await cluster.lose(0);

  const before = (await cluster.store.list("")).objects;
  const plan = await cluster.recover(false);
  expect(plan).toMatchObject({ healthy: [], silent: [], recovered: [{ cell: 0, newCell: 1, written: false, faultCount: 0 }] });
  expect((await cluster.store.list("")).objects).toEqual(before);

  const recovery = await cluster.recover(true);
  const { partitions } = recovery.recovered[0]!;
  expect(partitions).toHaveLength(settingDefaults["num.partitions"]);
  expect(partitions.find(({ partition }) => partition === 0)).toMatchObject({
    topicId,
    topic: "topic",
    logStartOffset: 0,
    keptOffsets: 4,
    newOffsets: 4 + gap,
    endOffset: 5 + gap,
    readdressedBatches: 1,
    // Their objects are still there, for the grace.
    duplicates: 3,
    lostOffsets: 0,
  });
  expect(await cluster.recover(true)).toMatchObject({ healthy: [1], recovered: [] });

  await vi.waitFor(async () => expect(await cluster.topic("topic")).toEqual({ topicId, leaderEpoch: 1 }));
  const expected = [
    [0, 0],
    [1, 1],
    [2, 2],
    [3, 3],
    [4 + gap, 5],
  ];
  expect(await cluster.readAll()).toEqual(expected);
  // Who has read on in the old epoch is told where it ended.
  const topics = [{ topic: "topic", partitions: [{ partition: 0, currentLeaderEpoch: 1, leaderEpoch: 0 }] }];
  const { topics: ends } = await cluster.socket.call(offsetForLeaderEpoch, 4, { replicaId: -1, topics });
  expect(ends[0]!.partitions[0]).toMatchObject({ errorCode: 0, leaderEpoch: 0, endOffset: 4n });

  // It goes on like any other cell: commits, merges, evictions.
  expect(await cluster.large(7)).toBe(5 + gap);
  await cluster.merge(1);
  await evictDurableObject(cluster.leader(1));
  expect(await cluster.readAll()).toEqual([...expected, [5 + gap, 7]]);
  // And can be lost again.
  await cluster.lose(1);
  expect(await cluster.recover(true)).toMatchObject({ recovered: [{ cell: 1, newCell: 2 }] });
  await vi.waitFor(async () => expect((await cluster.topic("topic")).leaderEpoch).toBe(2));
  expect(await cluster.readAll()).toEqual([...expected, [5 + gap, 7]]);
  cluster.socket.close();
});

test("[I6] [D12] a leader that has lost its rows lets nothing be deleted, and gives no offset or key away again", async () => {
  const cluster = await new Cluster("harmless").open();
  await cluster.topic("topic");
  for (const number of [0, 1, 2]) await cluster.large(number);
  await cluster.lose(0);
  // A new epoch has the controller look for garbage.
  await evictDurableObject(bindings.BROKER.getByName("harmless/local/0"), { webSockets: "close" });
  await cluster.open();
  expect(await cluster.large(3)).toBe("error 3");
  const controller = bindings.CONTROLLER.getByName("harmless/controller");
  for (let round = 0; round < 3; round++) {
    pass(settingDefaults["storage.delete.grace.ms"]);
    await runDurableObjectAlarm(controller);
  }
  expect((await cluster.store.list("wal/0/1/")).objects).toHaveLength(3);
  const reconciled = await app.fetch(new Request("http://kante/c/harmless/reconcile?remove=true", { method: "POST" }), bindings);
  expect([reconciled.status, await reconciled.text()]).toEqual([409, expect.stringContaining("kante recover")]);
  // Neither a new topic nor other settings make it begin again.
  const again = leaderClient(bindings, "harmless", 0).createPartitions(
    [{ topicId: crypto.randomUUID(), partition: 0 }],
    createTime,
    [],
    4,
  );
  await expect(again).rejects.toMatchObject({ kind: "corrupt" });
  await cluster.recover(true);
  await vi.waitFor(async () => expect((await cluster.topic("topic")).leaderEpoch).toBe(1));
  // The last was refused, but its object does not say so.
  expect((await cluster.readAll()).map(([, value]) => value)).toEqual([0, 1, 2, 3]);
  await cluster.topic("other");
  expect(await cluster.produce(new Uint8Array([9]), undefined, "other")).toBe(0);
  cluster.socket.close();
});

test("[I3] a producer goes on behind a recovery: what it sends again is known, what it sends next is taken, although something between is lost", async () => {
  const cluster = await new Cluster("goes-on").open();
  await cluster.topic("topic");
  const producerId = 4711;
  for (const number of [0, 1]) expect(await cluster.large(number, producerId)).toBe(number);
  for (const number of [2, 3]) expect(await cluster.small(number, producerId)).toBe(number);
  await cluster.lose(0);
  const { recovered } = await cluster.recover(true);
  expect(recovered[0]!.partitions.find(({ partition }) => partition === 0)).toMatchObject({
    keptOffsets: 0,
    readdressedBatches: 2,
  });
  await vi.waitFor(async () => expect((await cluster.topic("topic")).leaderEpoch).toBe(1));
  expect(await cluster.large(1, producerId)).toBe(gap + 1);
  expect(await cluster.small(4, producerId)).toBe(gap + 2);
  expect(await cluster.small(6, producerId)).toBe("error 45");
  expect((await cluster.readAll()).map(([, value]) => value)).toEqual([0, 1, 4]);
  cluster.socket.close();
});

test("[I2] [D5] the topics of a lost cell are deleted instead: a topic of the same name begins in a cell of another number", async () => {
  const cluster = await new Cluster("given-up").open();
  const { topicId } = await cluster.topic("topic");
  for (const number of [0, 1]) expect(await cluster.large(number)).toBe(number);
  await cluster.merge(0);
  expect(await cluster.readAll()).toHaveLength(2);
  await cluster.lose(0);
  const topics = [{ name: "topic" }];
  const { responses } = await cluster.socket.call(deleteTopics, 6, { topics, timeoutMs: 10_000 });
  expect(responses[0]!.errorCode).toBe(0);
  await vi.waitFor(async () => {
    const again = await cluster.topic("topic");
    expect(again).not.toMatchObject({ topicId });
    expect(again.leaderEpoch).toBe(0);
  });
  expect(await cluster.large(7)).toBe(0);
  expect(await cluster.readAll()).toEqual([[0, 7]]);
  expect((await cluster.recover(false)).healthy).toEqual([1]);
  cluster.socket.close();
});
