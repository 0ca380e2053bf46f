/** A leader whose write-ahead objects are merged by a Merger beside it, through alarms, deaths and evictions, and clients notice nothing. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, expect, test, vi } from "vitest";
import { settingDefaults } from "../../core/settings.ts";
import { fetch } from "../../protocol/messages/01-fetch.ts";
import { metadata } from "../../protocol/messages/03-metadata.ts";
import { leaderClient } from "../../durable-objects/leader-client.ts";
import type { Leader, LeaderRpc } from "../../durable-objects/leader.ts";
import { writeMerged } from "../../durable-objects/merge-work.ts";
import { openStore } from "../../durable-objects/stores.ts";
import { kernel } from "../../kernel/kernel.ts";
import { Chain, plain, short } from "../contract/commits.ts";
import { encodeBatch } from "../kernel/batch-builder.ts";
import { KafkaSocket, bindings } from "./kafka-socket.ts";

const leaderStub = (cluster: string) => bindings.LEADER.getByName(`${cluster}/cell/0`) as unknown as DurableObjectStub<Leader>;

afterEach(() => {
  vi.useRealTimers();
});

/** Everybody's clock says that the oldest object has waited long enough. */
function letWait(): void {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + settingDefaults["merge.interval.ms"] });
}

class Cluster {
  readonly name: string;
  readonly leader;
  readonly #chain = new Chain(77);
  socket!: KafkaSocket;
  ref = { topicId: "", partition: 0 };
  produced = 0;

  constructor(name: string) {
    this.name = name;
    this.leader = leaderClient(bindings, name, 0);
  }

  async open(): Promise<this> {
    this.socket = await KafkaSocket.open(this.name);
    const { topics } = await this.socket.call(metadata, 12, { topics: [{ name: "topic" }], allowAutoTopicCreation: true });
    this.ref = { topicId: topics[0]!.topicId, partition: 0 };
    return this;
  }

  /** As a broker would: one object, then its commit. */
  async produce(count: number): Promise<void> {
    const store = openStore(bindings, this.name);
    for (let left = count; left > 0; left--) {
      const records = encodeBatch({ records: [{ value: new Uint8Array(2000).fill(this.produced) }] });
      const request = this.#chain.object([[this.ref, [plain(1, { size: records.length, maxTimestamp: Date.now() })]]]);
      if (request.source.kind === "object") await store.put(`wal/77/1/${request.source.sequence}`, records);
      expect(short(await this.leader.commit(request))).toBe(`o${this.produced}`);
      this.produced += 1;
    }
  }

  async keys(): Promise<readonly string[]> {
    const { results } = await this.leader.findBatches([{ ...this.ref, offset: 0, maxBytes: 1e9 }]);
    return results[0]!.extents.map(({ source }) => (source.kind === "object" ? source.key : "inline"));
  }

  async counters() {
    return (await (leaderStub(this.name) as unknown as LeaderRpc).metrics()).counters;
  }

  /** The alarm is not waited for: it rings now, when something is due. */
  async ring(): Promise<boolean> {
    return await runDurableObjectAlarm(leaderStub(this.name));
  }

  async expectAllReadable(): Promise<void> {
    for (let offset = 0; offset < this.produced;) {
      const { responses } = await this.socket.call(fetch, 12, {
        maxWaitMs: 1000,
        minBytes: 1,
        maxBytes: 10_000_000,
        topics: [{ topic: "topic", partitions: [{ partition: 0, fetchOffset: BigInt(offset), partitionMaxBytes: 1_000_000 }] }],
      });
      const partition = responses[0]?.partitions[0];
      expect(partition?.errorCode).toBe(0);
      const batches = kernel.batches(partition!.records!);
      expect(batches.length).toBeGreaterThan(0);
      for (const { baseOffset, position } of batches) {
        expect([baseOffset, partition!.records![position + 1000]]).toEqual([offset, offset % 256]);
        offset += 1;
      }
    }
  }

  async alarm(): Promise<number | null> {
    return await runInDurableObject(leaderStub(this.name), async (_, state) => await state.storage.getAlarm());
  }
}

test("[D11] [I5] when the oldest has waited the alarm sends for the merger; objects become one, and nothing is armed for merging afterwards", async () => {
  const cluster = await new Cluster("merged").open();
  await cluster.produce(20);
  await cluster.expectAllReadable();
  const before = await cluster.keys();
  expect(before).toHaveLength(20);
  expect(await cluster.alarm()).toBeGreaterThan(Date.now());
  letWait();
  expect(await cluster.ring()).toBe(true);
  expect(await cluster.keys()).toEqual([expect.stringMatching(/^merged\/0\/\d+-1$/)]);
  expect(await cluster.counters()).toMatchObject({ kante_merges_total: 1, kante_merge_gets_total: 20 });
  await cluster.expectAllReadable();
  await evictDurableObject(leaderStub("merged"));
  await evictDurableObject(bindings.BROKER.getByName("merged/local/0"), { webSockets: "hibernate" });
  await cluster.expectAllReadable();
  cluster.socket.close();
});

test("[D11] [I5] [I7] a merger and a leader that die between claim, object and commit: nothing changes, and the next merge finds all", async () => {
  const cluster = await new Cluster("merged-with-deaths").open();
  await cluster.produce(6);
  letWait();
  const store = openStore(bindings, cluster.name);
  const claim = async () => {
    const reply = await cluster.leader.claimMerge();
    if (reply.kind !== "claimed") throw new Error(reply.kind);
    return reply.claim;
  };
  // The merger dies before it wrote; then the leader when the object rests.
  await claim();
  await evictDurableObject(leaderStub(cluster.name));
  const written = await claim();
  await writeMerged(written, store, kernel);
  await evictDurableObject(leaderStub(cluster.name));
  expect(await cluster.leader.commitMerge(written.number)).toEqual({ kind: "lost" });
  expect(await cluster.keys()).toHaveLength(6);
  await cluster.expectAllReadable();
  // The answer to a commit is lost with the leader, but the commit is not.
  const last = await claim();
  await writeMerged(last, store, kernel);
  await cluster.leader.commitMerge(last.number);
  await evictDurableObject(leaderStub(cluster.name));
  expect(await cluster.keys()).toEqual([last.key]);
  expect(await cluster.leader.commitMerge(last.number)).toEqual({ kind: "lost" });
  await evictDurableObject(bindings.BROKER.getByName(`${cluster.name}/local/0`), { webSockets: "hibernate" });
  await cluster.expectAllReadable();
  cluster.socket.close();
});
