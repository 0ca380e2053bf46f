/**
 * Records what stock clients and Apache Kafka say to each other, as golden bytes for the tests of protocol/. A proxy stands
 * between them and keeps, for each client, API and version, one request and its response. Needs Java and Maven for Kafka itself.
 *
 *     node scripts/capture-golden.ts [kcat,java,python,go,kafkajs,platformatic]
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeCorrelationId, decodeRequestHeader } from "../protocol/codec.ts";
import { FrameCutter } from "../protocol/frames.ts";
import { missingJava, startApacheKafka } from "../test/clients/apache-kafka.ts";
import { freePort } from "../test/clients/kante.ts";

const root = join(import.meta.dirname, "..");
const golden = join(root, "test/protocol/golden");
const frameSizeMax = 64 * 1024 * 1024;
/** The fullest exchange below this size is kept: enough to have every field, small enough for a repository. */
const sampleSizeMax = 1200;

interface Sample {
  readonly api: string;
  readonly version: number;
  readonly request: string;
  readonly response: string;
}

/** The exchanges of the client that runs now, by API and version. */
const samples = new Map<string, Sample>();
const unknown = new Set<string>();

function keep(request: Uint8Array, response: Uint8Array): void {
  const { api, apiKey, apiVersion } = decodeRequestHeader(request);
  if (api === undefined || apiVersion < api.versions[0] || apiVersion > api.versions[1]) {
    unknown.add(`${api?.name ?? apiKey} ${apiVersion}`);
    return;
  }
  const size = request.byteLength + response.byteLength;
  const key = `${String(apiKey).padStart(2, "0")} ${String(apiVersion).padStart(2, "0")}`;
  const before = samples.get(key);
  const sizeBefore = before === undefined ? 0 : (before.request.length + before.response.length) / 2;
  const isBetter = sizeBefore > sampleSizeMax ? size < sizeBefore : size > sizeBefore && size <= sampleSizeMax;
  if (before !== undefined && !isBetter) return;
  samples.set(key, {
    api: api.name,
    version: apiVersion,
    request: Buffer.from(request).toString("hex"),
    response: Buffer.from(response).toString("hex"),
  });
}

function forward(client: Socket, brokerPort: number): void {
  const broker = connect(brokerPort, "127.0.0.1");
  const requests = new FrameCutter(frameSizeMax);
  const responses = new FrameCutter(frameSizeMax);
  const waiting = new Map<number, Uint8Array>();
  client.on("data", (chunk: Buffer) => {
    for (const frame of requests.push(new Uint8Array(chunk))) waiting.set(decodeRequestHeader(frame).correlationId, frame);
    broker.write(chunk);
  });
  broker.on("data", (chunk: Buffer) => {
    for (const frame of responses.push(new Uint8Array(chunk))) {
      const correlationId = decodeCorrelationId(frame);
      const request = waiting.get(correlationId);
      if (request !== undefined) keep(request, frame);
      waiting.delete(correlationId);
    }
    client.write(chunk);
  });
  for (const [from, to] of [
    [client, broker],
    [broker, client],
  ] as const) {
    from.on("error", () => to.destroy());
    from.on("close", () => to.destroy());
  }
}

async function runSuite(name: string, bootstrap: string): Promise<void> {
  const args = [join(root, "test/clients/main.ts"), "--target", bootstrap, "--only", name];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit"] });
  await once(child, "exit");
}

async function runKafkajs(bootstrap: string): Promise<void> {
  const { Kafka, logLevel } = await import("kafkajs");
  const kafka = new Kafka({ brokers: [bootstrap], clientId: "golden", logLevel: logLevel.ERROR });
  const topic = "golden-kafkajs";
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 2, configEntries: [{ name: "retention.ms", value: "60000" }] }] });
  await admin.describeCluster();
  await admin.fetchTopicOffsets(topic);
  const producer = kafka.producer({ idempotent: true });
  await producer.connect();
  await producer.send({ topic, messages: [{ key: "k", value: "one", headers: { h: "x" } }] });
  await producer.disconnect();
  const consumer = kafka.consumer({ groupId: "golden-kafkajs" });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    consumer.run({ eachMessage: () => Promise.resolve(resolve()) }).catch(reject);
  });
  await admin.describeGroups(["golden-kafkajs"]);
  await consumer.disconnect();
  await admin.fetchOffsets({ groupId: "golden-kafkajs", topics: [topic] });
  await admin.listGroups();
  await admin.deleteGroups(["golden-kafkajs"]);
  await admin.deleteTopics({ topics: [topic] });
  await admin.disconnect();
}

async function runPlatformatic(bootstrap: string): Promise<void> {
  const { Admin, Consumer, Producer, stringDeserializers, stringSerializers } = await import("@platformatic/kafka");
  const common = { clientId: "golden", bootstrapBrokers: [bootstrap] };
  const topic = "golden-platformatic";
  const admin = new Admin(common);
  await admin.createTopics({ topics: [topic], partitions: 2, replicas: 1 });
  const producer = new Producer({ ...common, idempotent: true, serializers: stringSerializers });
  await producer.send({ messages: [{ topic, key: "k", value: "one", headers: { h: "x" } }] });
  await producer.close();
  const consumer = new Consumer({ ...common, groupId: topic, deserializers: stringDeserializers });
  const stream = await consumer.consume({ topics: [topic], mode: "earliest", autocommit: false });
  for await (const message of stream) {
    await message.commit();
    break;
  }
  await stream.close();
  await consumer.close(true);
  await admin.listGroups();
  await admin.describeGroups({ groups: [topic] });
  await admin.deleteGroups({ groups: [topic] });
  await admin.deleteTopics({ topics: [topic] });
  await admin.close();
}

const missing = missingJava();
if (missing !== undefined) throw new Error(missing);
const clients = (process.argv[2] ?? "kcat,kafkajs,platformatic,java,python,go").split(",");
const brokerPort = await freePort();
const proxyPort = await freePort();
const bootstrap = `127.0.0.1:${proxyPort}`;
const folder = mkdtempSync(join(tmpdir(), "kante-golden-"));
const kafka = await startApacheKafka(folder, brokerPort, [`advertised.listeners=PLAINTEXT://${bootstrap}`]);
const proxy = createServer((socket) => forward(socket, brokerPort)).listen(proxyPort, "127.0.0.1");
mkdirSync(golden, { recursive: true });
try {
  for (const client of clients) {
    samples.clear();
    unknown.clear();
    if (client === "kafkajs") await runKafkajs(bootstrap);
    else if (client === "platformatic") await runPlatformatic(bootstrap);
    else await runSuite(client, bootstrap);
    const sorted = [...samples.keys()].sort().map((key) => samples.get(key));
    if (sorted.length > 0) writeFileSync(join(golden, `${client}.json`), `${JSON.stringify(sorted, undefined, 1)}\n`);
    console.log(
      `${client}: ${sorted.length} exchanges kept; left out, as no schema has them: ${[...unknown].join(", ") || "none"}`,
    );
  }
} finally {
  proxy.close();
  await kafka.stop();
  rmSync(folder, { recursive: true });
}
process.exit(0);
