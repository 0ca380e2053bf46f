/** Every object may be evicted between any two requests: what was acknowledged is still there, and nothing is given out twice. */
import { evictDurableObject } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import { produce } from "../../protocol/messages/00-produce.ts";
import { fetch } from "../../protocol/messages/01-fetch.ts";
import { metadata } from "../../protocol/messages/03-metadata.ts";
import { encodeBatch, writtenNow } from "../kernel/batch-builder.ts";
import { KafkaSocket, bindings } from "./kafka-socket.ts";

const objects: Readonly<Record<string, (cluster: string) => DurableObjectStub>> = {
  broker: (cluster) => bindings.BROKER.getByName(`${cluster}/local/0`),
  leader: (cluster) => bindings.LEADER.getByName(`${cluster}/cell/0`),
  controller: (cluster) => bindings.CONTROLLER.getByName(`${cluster}/controller`),
};

async function append(socket: KafkaSocket, valueBytes: number): Promise<number> {
  const records = encodeBatch({ records: [{ value: new Uint8Array(valueBytes).fill(7) }], ...writtenNow() });
  const { responses } = await socket.call(produce, 9, {
    acks: -1,
    timeoutMs: 10_000,
    topicData: [{ name: "topic", partitionData: [{ index: 0, records }] }],
  });
  const partition = responses[0]?.partitionResponses[0];
  expect(partition?.errorCode).toBe(0);
  return Number(partition?.baseOffset);
}

async function readFrom(socket: KafkaSocket, offset: number): Promise<{ bytes: number; highWatermark: number }> {
  const { responses } = await socket.call(fetch, 12, {
    maxWaitMs: 1000,
    minBytes: 1,
    maxBytes: 10_000_000,
    topics: [{ topic: "topic", partitions: [{ partition: 0, fetchOffset: BigInt(offset), partitionMaxBytes: 10_000_000 }] }],
  });
  const partition = responses[0]?.partitions[0];
  expect(partition?.errorCode).toBe(0);
  return { bytes: partition?.records?.byteLength ?? 0, highWatermark: Number(partition?.highWatermark) };
}

describe.each([
  ["inline", 100],
  ["object", 100_000],
])("%s records", (way, valueBytes) => {
  const subjects = [["broker"], ["leader"], ["controller"], ["broker", "leader", "controller"]].map((kinds) => [kinds] as const);
  test.each(subjects)("[I7] [I2] survive the eviction of %j", async (kinds) => {
    const cluster = `${way}-${kinds.join("-")}`;
    const socket = await KafkaSocket.open(cluster);
    const { topics } = await socket.call(metadata, 9, { topics: [{ name: "topic" }], allowAutoTopicCreation: true });
    expect(topics[0]?.errorCode).toBe(0);
    for (let expected = 0; expected < 4; expected++) {
      expect(await append(socket, valueBytes)).toBe(expected);
      for (const kind of kinds) await evictDurableObject(objects[kind]!(cluster), { webSockets: "hibernate" }).catch(notRunning);
      const { bytes, highWatermark } = await readFrom(socket, 0);
      expect(highWatermark).toBe(expected + 1);
      expect(bytes).toBeGreaterThan((expected + 1) * valueBytes);
    }
    socket.close();
  });
});

/** The controller may not have been asked since its last eviction. */
function notRunning(error: unknown): void {
  if (!/not currently running|not running/i.test(String(error))) throw error;
}

test("[I10] a topic of one cluster is unknown in another", async () => {
  const one = await KafkaSocket.open("one");
  const other = await KafkaSocket.open("other");
  await one.call(metadata, 9, { topics: [{ name: "topic" }], allowAutoTopicCreation: true });
  await append(one, 100);
  const { topics, clusterId } = await other.call(metadata, 9, { topics: null });
  expect(topics).toEqual([]);
  expect((await one.call(metadata, 9, { topics: null })).clusterId).not.toBe(clusterId);
  one.close();
  other.close();
});
