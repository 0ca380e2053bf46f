/** A compacted topic with its real leader and merger: altered live, compacted by the alarm, through deaths, and read by a client. */
import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, expect, test, vi } from "vitest";
import { settingDefaults } from "../../core/settings.ts";
import { leaderClient } from "../../durable-objects/leader-client.ts";
import type { Leader, LeaderRpc } from "../../durable-objects/leader.ts";
import { openStore } from "../../durable-objects/stores.ts";
import { kernel } from "../../kernel/kernel.ts";
import { fetch } from "../../protocol/messages/01-fetch.ts";
import { metadata } from "../../protocol/messages/03-metadata.ts";
import { incrementalAlterConfigs } from "../../protocol/messages/44-incremental-alter-configs.ts";
import { Chain, plain, short } from "../contract/commits.ts";
import { encodeBatch } from "../kernel/batch-builder.ts";
import { KafkaSocket, bindings } from "./kafka-socket.ts";

const name = "compacted";
const leaderStub = bindings.LEADER.getByName(`${name}/cell/0`) as unknown as DurableObjectStub<Leader>;
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const chain = new Chain(77);

afterEach(() => {
  vi.useRealTimers();
});

function letWait(ms: number): void {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ms });
}

async function open(): Promise<{ readonly socket: KafkaSocket; readonly topicId: string }> {
  const socket = await KafkaSocket.open(name);
  const { topics } = await socket.call(metadata, 12, { topics: [{ name: "topic" }], allowAutoTopicCreation: true });
  return { socket, topicId: topics[0]!.topicId };
}

/** As a broker would. */
async function produce(topicId: string, texts: readonly string[]): Promise<void> {
  for (const text of texts) {
    const [key, value] = text.split("=");
    const now = BigInt(Date.now());
    const records = encodeBatch({
      records: [{ key: encode(key!), value: encode(value!) }],
      baseTimestamp: now,
      maxTimestamp: now,
    });
    const batch = plain(1, { size: records.length, maxTimestamp: Number(now) });
    const request = chain.object([[{ topicId, partition: 0 }, [batch]]]);
    if (request.source.kind === "object") await openStore(bindings, name).put(`wal/77/1/${request.source.sequence}`, records);
    expect(short(await leaderClient(bindings, name, 0).commit(request))).toMatch(/^o/);
  }
}

async function read(socket: KafkaSocket): Promise<string> {
  const seen: string[] = [];
  for (let offset = 0, end = 1; offset < end;) {
    const partitions = [{ partition: 0, fetchOffset: BigInt(offset), partitionMaxBytes: 1_000_000 }];
    const request = { maxWaitMs: 100, minBytes: 1, maxBytes: 10_000_000, topics: [{ topic: "topic", partitions }] };
    const { responses } = await socket.call(fetch, 12, request);
    const partition = responses[0]!.partitions[0]!;
    expect(partition.errorCode).toBe(0);
    end = Number(partition.highWatermark);
    const headers = kernel.batches(partition.records!);
    expect(headers.length).toBeGreaterThan(0);
    for (const header of headers) {
      const body = partition.records!.subarray(header.position + 61, header.position + header.size);
      for (const { offset: at, key, value } of kernel.records(header, body)) {
        seen.push(`${at}:${new TextDecoder().decode(key!)}=${new TextDecoder().decode(value!)}`);
      }
      offset = header.baseOffset + header.offsetCount;
    }
  }
  return seen.join(" ");
}

test("[I5] [I7] [I12] from when its policy is altered a topic is compacted by alarms, and everybody reads what is left, whoever dies", async () => {
  const { socket, topicId } = await open();
  await produce(topicId, ["a=1", "b=1", "a=2", "c=1", "b=2", "d=1"]);
  letWait(settingDefaults["merge.interval.ms"]);
  await runDurableObjectAlarm(leaderStub);
  expect(await read(socket)).toBe("0:a=1 1:b=1 2:a=2 3:c=1 4:b=2 5:d=1");
  const set = (config: string, value: string) => ({ name: config, configOperation: 0, value });
  const altered = await socket.call(incrementalAlterConfigs, 1, {
    resources: [{ resourceType: 2, resourceName: "topic", configs: [set("cleanup.policy", "compact"), set("segment.ms", "1000")] }],
  });
  expect(altered.responses.map(({ errorCode }) => errorCode)).toEqual([0]);
  letWait(settingDefaults["log.cleaner.backoff.ms"] + 2000);
  await evictDurableObject(leaderStub);
  await runDurableObjectAlarm(leaderStub);
  const { counters } = await (leaderStub as unknown as LeaderRpc).metrics();
  expect(counters).toMatchObject({ kante_compactions_total: 1 });
  expect(await read(socket)).toBe("2:a=2 3:c=1 4:b=2 5:d=1");
  await evictDurableObject(leaderStub);
  await evictDurableObject(bindings.BROKER.getByName(`${name}/local/0`), { webSockets: "hibernate" });
  expect(await read(socket)).toBe("2:a=2 3:c=1 4:b=2 5:d=1");
  socket.close();
});
