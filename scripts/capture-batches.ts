/**
 * Writes test/kernel/golden/: record sets exactly as stock clients produce them, one file per client and codec. The clients talk
 * to a small listener here that knows ApiVersions, Metadata and Produce and keeps what it is sent. Needs kcat, and Java with
 * kafka-clients' jars (`CLASSPATH`); a client that isn't there is left out with a message.
 */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { Producer, type CompressionAlgorithmValue } from "@platformatic/kafka";
import { CompressionTypes, Kafka, logLevel } from "kafkajs";
import { concatenate, decodeRequest, encodeResponse } from "../protocol/codec.ts";
import { FrameCutter } from "../protocol/frames.ts";
import { produce } from "../protocol/messages/00-produce.ts";
import { fetch } from "../protocol/messages/01-fetch.ts";
import { metadata } from "../protocol/messages/03-metadata.ts";
import { findCoordinator } from "../protocol/messages/10-find-coordinator.ts";
import { apiVersions } from "../protocol/messages/18-api-versions.ts";
import type { ApiSchema, RequestOf } from "../protocol/schema.ts";
import { goldenRecords } from "../test/kernel/golden-records.ts";

const folder = join(import.meta.dirname, "../test/kernel/golden");
/** librdkafka compresses with LZ4 and Zstandard only for brokers that know the last two, which nobody asks for. */
const advertised: readonly ApiSchema[] = [produce, metadata, apiVersions, fetch, findCoordinator];
const topicId = "00000000-0000-4000-8000-000000000001";
const captured: Uint8Array[] = [];

function answer(frame: Uint8Array, port: number): Uint8Array[] {
  const request = decodeRequest(frame);
  const { apiVersion, correlationId } = request;
  if (request.api === apiVersions) {
    const apiKeys = advertised.map(({ key, versions }) => ({
      apiKey: key,
      minVersion: key === 0 ? 0 : versions[0],
      maxVersion: Math.min(versions[1], 12),
    }));
    return encodeResponse(apiVersions, apiVersion, correlationId, { errorCode: 0, apiKeys, throttleTimeMs: 0 });
  }
  if (request.api === metadata) return answerMetadata(apiVersion, correlationId, request.body as RequestOf<typeof metadata>, port);
  return answerProduce(apiVersion, correlationId, request.body as RequestOf<typeof produce>);
}

function answerMetadata(apiVersion: number, correlationId: number, body: RequestOf<typeof metadata>, port: number): Uint8Array[] {
  const partition = {
    errorCode: 0,
    partitionIndex: 0,
    leaderId: 0,
    leaderEpoch: 0,
    replicaNodes: [0],
    isrNodes: [0],
    offlineReplicas: [],
  };
  const topics = (body.topics ?? []).map(({ name }) => ({
    errorCode: 0,
    name,
    topicId,
    isInternal: false,
    partitions: [partition],
  }));
  return encodeResponse(metadata, apiVersion, correlationId, {
    throttleTimeMs: 0,
    brokers: [{ nodeId: 0, host: "127.0.0.1", port }],
    clusterId: "capture",
    controllerId: 0,
    topics,
    errorCode: 0,
  });
}

function answerProduce(apiVersion: number, correlationId: number, body: RequestOf<typeof produce>): Uint8Array[] {
  const responses = body.topicData.map(({ name, topicId: id, partitionData }) => {
    for (const { records } of partitionData) if (records !== null) captured.push(records.slice());
    return { name, topicId: id, partitionResponses: partitionData.map(({ index }) => ({ index, errorCode: 0, baseOffset: 0n })) };
  });
  return encodeResponse(produce, apiVersion, correlationId, { responses, throttleTimeMs: 0 });
}

function serve(socket: Socket, port: number): void {
  const cutter = new FrameCutter(64 << 20);
  socket.on("data", (chunk) => {
    for (const frame of cutter.push(chunk)) socket.write(concatenate(answer(frame, port)));
  });
  socket.on("error", () => socket.destroy());
}

function run(command: string, ...args: string[]): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const child = spawn(command, args, { stdio: ["pipe", "ignore", "ignore"] });
  child.on("error", reject);
  child.on("close", (code) => (code === 0 ? resolve() : reject(new Error(`${command} left with ${code}`))));
  child.stdin.on("error", () => {});
  child.stdin.end(goldenRecords.map(({ key, value }) => `${key}\t${value}\n`).join(""));
  return promise;
}

async function withKafkajs(bootstrap: string, codec: string): Promise<void> {
  const producer = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING }).producer();
  await producer.connect();
  const compression = codec === "gzip" ? CompressionTypes.GZIP : CompressionTypes.None;
  await producer.send({ topic: "golden", compression, messages: goldenRecords.map((record) => ({ ...record, partition: 0 })) });
  await producer.disconnect();
}

async function withPlatformatic(bootstrap: string, codec: string): Promise<void> {
  const producer = new Producer({ clientId: "capture", bootstrapBrokers: [bootstrap] });
  const messages = goldenRecords.map(({ key, value }) => ({
    topic: "golden",
    partition: 0,
    key: Buffer.from(key),
    value: Buffer.from(value),
  }));
  await producer.send({ messages, compression: codec as CompressionAlgorithmValue });
  await producer.close();
}

const codecs = ["none", "gzip", "snappy", "lz4", "zstd"] as const;
const clients: Record<string, { codecs: readonly string[]; produce: (bootstrap: string, codec: string) => Promise<void> }> = {
  librdkafka: {
    codecs,
    produce: (bootstrap, codec) =>
      run("kcat", "-b", bootstrap, "-P", "-t", "golden", "-p", "0", "-K\t", "-z", codec, "-X", "linger.ms=500"),
  },
  java: {
    codecs,
    produce: (bootstrap, codec) => run("java", join(import.meta.dirname, "CaptureProducer.java"), bootstrap, "golden", codec),
  },
  kafkajs: { codecs: ["none", "gzip"], produce: withKafkajs },
  platformatic: { codecs, produce: withPlatformatic },
};

const server = createServer();
server.on("connection", (socket) => serve(socket, (server.address() as AddressInfo).port));
await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
const bootstrap = `127.0.0.1:${(server.address() as AddressInfo).port}`;
for (const [client, { codecs: spoken, produce: produceWith }] of Object.entries(clients)) {
  for (const codec of spoken) {
    captured.length = 0;
    try {
      await produceWith(bootstrap, codec);
      const records = concatenate(captured);
      writeFileSync(join(folder, `${client}-${codec}.bin`), records);
      console.log(`${client} ${codec}: ${records.length} bytes in ${captured.length} sets`);
    } catch (error) {
      console.error(`${client} ${codec}: left out (${String(error)})`);
    }
  }
}
server.close();
