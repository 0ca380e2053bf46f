/** WebSockets outlive the memory of their broker: what is lost with it is known, and a client is never left waiting for it. */
import { evictDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import type { BrokerMetrics } from "../../durable-objects/broker.ts";
import { decodeResponse } from "../../protocol/codec.ts";
import { produce } from "../../protocol/messages/00-produce.ts";
import { metadata } from "../../protocol/messages/03-metadata.ts";
import { apiVersions } from "../../protocol/messages/18-api-versions.ts";
import { KafkaSocket, bindings, bytesOf } from "./kafka-socket.ts";

const software = { clientSoftwareName: "test", clientSoftwareVersion: "1" };

function broker(cluster: string): DurableObjectStub {
  return bindings.BROKER.getByName(`${cluster}/local/0`);
}

/** Resolves when the broker has got something since its memory began. */
async function received(cluster: string): Promise<void> {
  const stub = broker(cluster) as unknown as { metrics(): Promise<BrokerMetrics> };
  while (((await stub.metrics()).metrics.counters["kante_received_bytes_total"] ?? 0) === 0);
}

test("[D3] an idle connection goes on after its broker was evicted, and still knows what it was told", async () => {
  const socket = await KafkaSocket.open("idle");
  expect((await socket.call(apiVersions, 3, software)).errorCode).toBe(0);
  await evictDurableObject(broker("idle"), { webSockets: "hibernate" });
  const { brokers } = await socket.call(metadata, 9, { topics: [] });
  expect(brokers).toEqual([expect.objectContaining({ nodeId: 0, host: "127.0.0.1", port: 9092 })]);
  socket.close();
});

test("[D3] a frame whose first bytes came before an eviction is finished after it", async () => {
  const socket = await KafkaSocket.open("partial");
  const bytes = bytesOf(apiVersions, 3, software);
  for (const part of [bytes.subarray(0, 3), bytes.subarray(3, 9)]) {
    socket.send(part);
    await received("partial");
    await evictDurableObject(broker("partial"), { webSockets: "hibernate" });
  }
  socket.send(bytes.subarray(9));
  expect(decodeResponse(apiVersions, 3, await socket.next()).body.errorCode).toBe(0);
  socket.close();
});

test("[I7] a connection whose large frame was lost with the memory is closed, not left waiting", async () => {
  const socket = await KafkaSocket.open("large");
  const bytes = bytesOf(produce, 9, { acks: -1, topicData: [{ name: "x".repeat(20_000), partitionData: [] }] });
  socket.send(bytes.subarray(0, 15_000));
  await received("large");
  await evictDurableObject(broker("large"), { webSockets: "hibernate" });
  socket.send(bytes.subarray(15_000));
  expect(await socket.closed).toEqual({ code: 1012, reason: "requests were lost in a restart" });
});

test("a client that closes gets its close answered", async () => {
  const socket = await KafkaSocket.open("closing");
  socket.close();
  expect(await socket.closed).toMatchObject({ code: 1000 });
});

test("[I9] a text message, or bytes that are no frame, close the connection and no other", async () => {
  const good = await KafkaSocket.open("text");
  const text = await KafkaSocket.open("text");
  const bytes = await KafkaSocket.open("text");
  (text as unknown as { send(text: string): void }).send("hello");
  bytes.send(new Uint8Array([0xff, 0xff, 0xff, 0xff]));
  expect((await text.closed).code).toBe(1008);
  expect((await bytes.closed).code).toBe(1008);
  expect((await good.call(apiVersions, 3, software)).errorCode).toBe(0);
  good.close();
});
