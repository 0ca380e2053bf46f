/**
 * Sustained produce of 1 KiB records by a load generator that is never the limit: through TCP and through WebSocket, against the raw
 * path of the same transport, and against the bare rate of the same object store. Everything in turns, on the same machine.
 */
import { connect } from "node:net";
import { LoadConnection, pipeline } from "./load/load-connection.ts";
import { type RawPath, startRawPath } from "./load/raw-path.ts";
import { batchOf, checkProduced, createTopic, produceRequest } from "./load/requests.ts";
import { type BenchServer, emptyObjects, withFolder, withKante } from "./load/server.ts";
import type { BenchOptions, Row } from "./row.ts";
import { mediansInTurns } from "./statistics.ts";
import { type StoreBench, startStoreBench } from "./storage.ts";

const mebibyte = 1024 * 1024;
const connections = 4;
const inFlight = 5;
const partitions = 16;
const topic = "sustained";

/** MB a second. */
function rateOf(bytes: number, startMs: number): number {
  return bytes / 1e6 / ((performance.now() - startMs) / 1000);
}

/** Librdkafka's shape: one batch of about 1 MiB a request. Java's: many of 16 KiB. Both of 1 KiB records. */
function requestsOf(batchesPerRequest: number): Uint8Array[] {
  const batch = batchOf({ recordBytes: 1024, records: Math.floor(mebibyte / batchesPerRequest / 1040) });
  return Array.from({ length: connections }, (_, lane) => {
    const indexes = Array.from({ length: batchesPerRequest }, (_batch, index) => (lane + index) % partitions);
    return produceRequest(topic, new Map(indexes.map((index) => [index, batch])));
  });
}

async function produce(
  target: { port: number; webSocketPath?: string },
  requests: readonly Uint8Array[],
  bytes: number,
): Promise<number> {
  const opened = await Promise.all(requests.map(async () => await LoadConnection.open(target)));
  const count = Math.ceil(bytes / mebibyte / requests.length);
  const startMs = performance.now();
  await Promise.all(
    opened.map(async (connection, lane) => {
      await pipeline(count, inFlight, async () => checkProduced((await connection.send(requests[lane]!)).head));
    }),
  );
  const rate = rateOf(requests.reduce((sum, request) => sum + request.byteLength, 0) * count, startMs);
  for (const connection of opened) connection.close();
  return rate;
}

const block = new Uint8Array(mebibyte).fill(0x5a);

/** Java's producer with its defaults, as a server sees it: five requests under way, each a batch of 16 KiB for every partition. */
async function pipelined(port: number, request: Uint8Array, bytes: number): Promise<number> {
  const connection = await LoadConnection.open({ port });
  const startMs = performance.now();
  const count = Math.ceil(bytes / request.byteLength);
  await pipeline(count, inFlight, async () => await connection.send(request));
  connection.close();
  return rateOf(count * request.byteLength, startMs);
}

/** As many connections, every byte into objects, one answer at the end. */
async function rawTcp(port: number, bytes: number): Promise<number> {
  const count = Math.ceil(bytes / mebibyte / connections);
  const startMs = performance.now();
  await Promise.all(Array.from({ length: connections }, async () => await pour(port, count)));
  return rateOf(count * connections * mebibyte, startMs);
}

function pour(port: number, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    let left = count;
    const write = (): void => {
      while (left-- > 0) if (!socket.write(block)) return;
      socket.end();
    };
    socket.on("drain", write);
    socket.once("data", () => resolve());
    socket.once("error", reject);
    socket.once("connect", write);
  });
}

async function rawWebSocket({ httpPort }: RawPath, bytes: number): Promise<number> {
  const count = Math.ceil(bytes / mebibyte / connections);
  const startMs = performance.now();
  const lane = async (): Promise<void> => {
    const connection = await LoadConnection.open({ port: httpPort, webSocketPath: "/" });
    await pipeline(count, inFlight, async () => await connection.send(block));
    await connection.send(new Uint8Array(1));
    connection.close();
  };
  await Promise.all(Array.from({ length: connections }, lane));
  return rateOf(count * connections * mebibyte, startMs);
}

interface Setting {
  readonly rawFolder: string;
  readonly kante: BenchServer;
  readonly raw: RawPath;
  readonly stores: StoreBench;
}

async function onDisk({ kante, raw, rawFolder, stores }: Setting, repetitions: number, bytes: number): Promise<Row[]> {
  await createTopic(kante.port, topic, partitions);
  const [few, many] = [requestsOf(1), requestsOf(16)];
  const javas = batchOf({ recordBytes: 1024, records: 15 });
  const small = produceRequest(topic, new Map([0, 1, 2, 3].map((partition) => [partition, javas])));
  const fresh = async (run: Promise<number>): Promise<number> => {
    const rate = await run;
    for (const folder of [rawFolder, kante.folder]) emptyObjects(folder);
    return rate;
  };
  const webSocket = { port: kante.httpPort, webSocketPath: "/c/default/kafka" };
  const rates = await mediansInTurns(repetitions, {
    rawTcp: async () => await fresh(rawTcp(raw.diskPort, bytes)),
    tcp: async () => await fresh(produce({ port: kante.port }, few, bytes)),
    tcpMany: async () => await fresh(produce({ port: kante.port }, many, bytes)),
    rawWebSocket: async () => await fresh(rawWebSocket(raw, bytes)),
    webSocket: async () => await fresh(produce(webSocket, few, bytes)),
    put: async () => await stores.putRate("disk", 8, bytes),
    rawPipelined: async () => await fresh(pipelined(raw.groupsPort, small, bytes)),
    pipelined: async () => await fresh(pipelined(kante.port, small, bytes)),
  });
  const budget = { of: "ratio", atLeast: 0.6 } as const;
  const figure = (value: number): string => `${value.toFixed(0)} MB/s`;
  const [viaTcp, viaWebSocket] = [`raw path, TCP (${figure(rates.rawTcp)})`, `raw path, WebSocket (${figure(rates.rawWebSocket)})`];
  return [
    { name: "disk, TCP, 1 MiB batches", value: rates.tcp, unit: "MB/s", ratio: rates.tcp / rates.rawTcp, against: viaTcp, budget },
    {
      name: "disk, TCP, 64 KiB batches",
      value: rates.tcpMany,
      unit: "MB/s",
      ratio: rates.tcpMany / rates.rawTcp,
      against: viaTcp,
      budget,
    },
    {
      name: "disk, WebSocket, 1 MiB batches",
      value: rates.webSocket,
      unit: "MB/s",
      ratio: rates.webSocket / rates.rawWebSocket,
      against: viaWebSocket,
      budget,
    },
    {
      name: "disk, TCP, 1 MiB batches",
      value: rates.tcp,
      unit: "MB/s",
      ratio: rates.tcp / rates.put,
      against: `bare 8 MiB PUTs (${figure(rates.put)})`,
    },
    {
      name: "disk, TCP, one producer, five requests of 61 KiB under way",
      value: rates.pipelined,
      unit: "MB/s",
      ratio: rates.pipelined / rates.rawPipelined,
      against: `raw path, an object and a row for all that wait (${figure(rates.rawPipelined)})`,
    },
  ];
}

async function onR2({ kante, raw, stores }: Setting, repetitions: number, bytes: number): Promise<Row[]> {
  await createTopic(kante.port, topic, partitions);
  const few = requestsOf(1);
  const rates = await mediansInTurns(repetitions, {
    put: async () => await stores.putRate("r2", 8, bytes),
    tcp: async () => await produce({ port: kante.port }, few, bytes),
    rawTcp: async () => await rawTcp(raw.r2Port, bytes),
  });
  const name = "simulated R2, TCP, 1 MiB batches";
  return [
    {
      name,
      value: rates.tcp,
      unit: "MB/s",
      ratio: rates.tcp / rates.put,
      against: `bare 8 MiB PUTs (${rates.put.toFixed(0)} MB/s)`,
      budget: { of: "ratio", atLeast: 0.9 },
    },
    {
      name,
      value: rates.tcp,
      unit: "MB/s",
      ratio: rates.tcp / rates.rawTcp,
      against: `raw path, TCP (${rates.rawTcp.toFixed(0)} MB/s)`,
    },
  ];
}

export async function run({ quick }: BenchOptions): Promise<Row[]> {
  const repetitions = quick ? 1 : 3;
  return await withFolder(async (folder) => {
    const raw = await startRawPath(folder);
    const rawFolder = folder;
    const stores = await startStoreBench();
    try {
      const bytes = (quick ? 128 : 256) * mebibyte;
      const disk = await withKante({}, async (kante) => await onDisk({ kante, raw, rawFolder, stores }, repetitions, bytes));
      const r2 = await withKante(
        { args: ["--store", "r2"] },
        async (kante) => await onR2({ kante, raw, rawFolder, stores }, repetitions, bytes),
      );
      return [...disk, ...r2];
    } finally {
      await stores.stop();
      await raw.stop();
    }
  });
}
