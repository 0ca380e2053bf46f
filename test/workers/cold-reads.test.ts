/** Reads of what was consolidated long ago, by a broker that has nothing in its cache: how many GETs an answer takes. */
import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, expect, test, vi } from "vitest";
import { settingDefaults } from "../../core/settings.ts";
import { openStore } from "../../durable-objects/stores.ts";
import { produce } from "../../protocol/messages/00-produce.ts";
import { fetch } from "../../protocol/messages/01-fetch.ts";
import { listOffsets } from "../../protocol/messages/02-list-offsets.ts";
import { createTopics } from "../../protocol/messages/19-create-topics.ts";
import { encodeBatch } from "../kernel/batch-builder.ts";
import { KafkaSocket, bindings } from "./kafka-socket.ts";

const cluster = "cold";
const begin = 1_700_000_000_000;
const records = 60;

afterEach(() => {
  vi.useRealTimers();
});

const broker = () => bindings.BROKER.getByName(`${cluster}/local/0`);

async function gets(): Promise<number> {
  const { metrics } = await (
    broker() as unknown as { metrics(): Promise<{ metrics: { counters: Record<string, number> } }> }
  ).metrics();
  return metrics.counters[`kante_billed_total{what="class-b"}`] ?? 0;
}

test("[D11] a cold read of a segment, by offset or by time, takes two GETs at most", async () => {
  let socket = await KafkaSocket.open(cluster);
  const configs = [
    { name: "segment.bytes", value: String(1024 * 1024) },
    { name: "retention.ms", value: "-1" },
  ];
  const topic = { name: "topic", numPartitions: 1, replicationFactor: -1, assignments: [], configs };
  await socket.call(createTopics, 7, { topics: [topic], timeoutMs: 10_000, validateOnly: false });
  for (let number = 0; number < records; number++) {
    const times = { baseTimestamp: BigInt(begin + number * 1000), maxTimestamp: BigInt(begin + number * 1000) };
    const batch = encodeBatch({ records: [{ value: new Uint8Array(100_000).fill(number) }], ...times });
    const topicData = [{ name: "topic", partitionData: [{ index: 0, records: batch }] }];
    const { responses } = await socket.call(produce, 9, { transactionalId: null, acks: -1, timeoutMs: 10_000, topicData });
    expect(responses[0]!.partitionResponses[0]).toMatchObject({ errorCode: 0, baseOffset: BigInt(number) });
  }
  const store = openStore(bindings, cluster);
  const segments = async () => (await store.list("segment/")).objects.filter(({ key }) => key.endsWith(".log")).length;
  for (let rings = 0; rings < 10 && (await segments()) < 2; rings++) {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + settingDefaults["merge.interval.ms"] });
    await runDurableObjectAlarm(bindings.LEADER.getByName(`${cluster}/cell/0`));
  }
  expect(await segments()).toBeGreaterThanOrEqual(2);
  socket.close();

  const segmented = 40;
  for (const offset of [0, 7, 19, 33, segmented - 1]) {
    for (const by of ["offset", "time"] as const) {
      await evictDurableObject(broker(), { webSockets: "close" });
      socket = await KafkaSocket.open(cluster);
      const before = await gets();
      if (by === "time") {
        const partitions = [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp: BigInt(begin + offset * 1000 - 500) }];
        const { topics } = await socket.call(listOffsets, 7, {
          replicaId: -1,
          isolationLevel: 0,
          topics: [{ name: "topic", partitions }],
        });
        expect(topics[0]!.partitions[0]).toMatchObject({ errorCode: 0, offset: BigInt(offset) });
      } else {
        const partitions = [{ partition: 0, fetchOffset: BigInt(offset), partitionMaxBytes: 1024 * 1024 }];
        const request = { maxWaitMs: 1000, minBytes: 1, maxBytes: 52_428_800, topics: [{ topic: "topic", partitions }] };
        const { responses } = await socket.call(fetch, 12, request);
        expect(responses[0]!.partitions[0]).toMatchObject({ errorCode: 0 });
        expect(responses[0]!.partitions[0]!.records!.length).toBeGreaterThan(90_000);
      }
      const taken = (await gets()) - before;
      expect(taken, `by ${by} ${offset}`).toBeGreaterThan(0);
      expect(taken, `by ${by} ${offset}`).toBeLessThanOrEqual(2);
      socket.close();
    }
  }
});
