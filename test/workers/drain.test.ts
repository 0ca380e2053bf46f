/** A leader whose journal holds too many inline records makes objects of them, and clients notice nothing. */
import { evictDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import { metadata } from "../../protocol/messages/03-metadata.ts";
import { fetch } from "../../protocol/messages/01-fetch.ts";
import { settingDefaults } from "../../core/settings.ts";
import { leaderClient } from "../../durable-objects/leader-client.ts";
import type { Leader, LeaderRpc } from "../../durable-objects/leader.ts";
import { openStore } from "../../durable-objects/stores.ts";
import { kernel } from "../../kernel/kernel.ts";
import { Chain, plain, short } from "../contract/commits.ts";
import { encodeBatch, writtenNow } from "../kernel/batch-builder.ts";
import { KafkaSocket, bindings } from "./kafka-socket.ts";

const cluster = "drained";
const commits = 120;
const valueBytes = 55_000;
const limit = settingDefaults["inline.drain.bytes"];

const leaderStub = () => bindings.LEADER.getByName(`${cluster}/cell/0`) as unknown as DurableObjectStub<Leader>;

function recordsOf(number: number): Uint8Array {
  return encodeBatch({ records: [{ value: new Uint8Array(valueBytes).fill(number) }], ...writtenNow() });
}

async function fetchAll(socket: KafkaSocket): Promise<readonly { readonly offset: number; readonly first: number }[]> {
  const found: { offset: number; first: number }[] = [];
  while (found.length < commits) {
    const { responses } = await socket.call(fetch, 12, {
      maxWaitMs: 1000,
      minBytes: 1,
      maxBytes: 10_000_000,
      topics: [
        { topic: "topic", partitions: [{ partition: 0, fetchOffset: BigInt(found.length), partitionMaxBytes: 10_000_000 }] },
      ],
    });
    const partition = responses[0]?.partitions[0];
    expect(partition?.errorCode).toBe(0);
    const records = partition!.records!;
    const batches = kernel.batches(records);
    expect(batches.length).toBeGreaterThan(0);
    for (const { baseOffset, position } of batches) found.push({ offset: baseOffset, first: records[position + 1000]! });
  }
  return found;
}

test("[D4] [I5] [I7] 6 MiB of inline records become objects, readable as before, also after a restart", async () => {
  const socket = await KafkaSocket.open(cluster);
  const { topics } = await socket.call(metadata, 12, { topics: [{ name: "topic" }], allowAutoTopicCreation: true });
  const topicId = topics[0]!.topicId;
  const leader = leaderClient(bindings, cluster, 0);
  const metrics = async () => await (leaderStub() as unknown as LeaderRpc).metrics();
  const ref = { topicId, partition: 0 };
  const chain = new Chain(77);
  const offsets: string[] = [];
  for (let number = 0; number < commits; number++) {
    const records = recordsOf(number);
    const request = chain.inline([[ref, [plain(1, { size: records.length, maxTimestamp: Date.now() })]]]);
    offsets.push(short(await leader.commit({ ...request, source: { kind: "inline", records } })));
  }
  expect(offsets).toEqual(offsets.map((_, number) => `o${number}`));
  expect(commits * valueBytes).toBeGreaterThan(6 * 1024 * 1024);

  // Every answer of the leader lets its drain come further.
  let { gauges, counters } = await metrics();
  for (let turns = 0; turns < 10_000 && (gauges["kante_inline_bytes"]! > limit || !counters["kante_drains_total"]); turns++) {
    ({ gauges, counters } = await metrics());
  }
  expect(gauges["kante_inline_bytes"]).toBeLessThanOrEqual(limit);
  expect(counters["kante_drains_total"]).toBeGreaterThan(0);
  expect(counters["kante_drained_bytes_total"]).toBeGreaterThan(limit);
  expect(counters["kante_object_puts_total"]).toBe(counters["kante_drains_total"]);
  expect(counters["kante_drain_failures_total"]).toBeUndefined();

  const store = openStore(bindings, cluster);
  const expected = offsets.map((_, number) => ({ offset: number, first: number }));
  const readThroughLeader = async () => {
    const { results } = await leader.findBatches([{ ...ref, offset: 0, maxBytes: 1e9 }]);
    const kinds = new Set<string>();
    const found = [];
    for (const { source, byteLength, baseOffset } of results[0]!.extents) {
      kinds.add(source.kind);
      const range = source.kind === "object" ? { start: source.byteStart, length: byteLength } : undefined;
      const bytes = source.kind === "object" ? (await store.get(source.key, range))! : source.records;
      if (source.kind === "object") expect(kernel.batches(bytes)[0]!.baseOffset).toBe(baseOffset);
      found.push({ offset: baseOffset, first: bytes[1000]! });
    }
    expect(kinds).toEqual(new Set(["object", "inline"]));
    return found;
  };
  expect(await readThroughLeader()).toEqual(expected);
  expect(await fetchAll(socket)).toEqual(expected);

  await evictDurableObject(leaderStub());
  expect((await metrics()).gauges["kante_inline_bytes"]).toBe(gauges["kante_inline_bytes"]);
  expect(await readThroughLeader()).toEqual(expected);
  await evictDurableObject(bindings.BROKER.getByName(`${cluster}/local/0`), { webSockets: "hibernate" });
  expect(await fetchAll(socket)).toEqual(expected);
  socket.close();
});
