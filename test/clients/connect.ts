/**
 * Kafka Connect and MirrorMaker 2, as they come with Apache Kafka: workers that keep their connectors, offsets and state in compacted
 * topics of Kante and write exactly once, one of them killed with SIGKILL; and a mirror between Apache Kafka and Kante in both
 * directions at once. A suite of main.ts.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import kafkajs, { Kafka, logLevel } from "kafkajs";
import { javaClasspath, startApacheKafka } from "./apache-kafka.ts";
import { freePort, startKante } from "./kante.ts";

const patienceMs = 120_000;
const internal = ["offset", "config", "status"].map((kind) => `${kind}.storage.replication.factor=1`);

type Print = (line: string) => void;

function startJava(folder: string, main: string, name: string, properties: readonly string[]): ChildProcess {
  const file = join(folder, `${name}.properties`);
  writeFileSync(file, properties.join("\n"));
  const options = ["-Xmx400m", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=off", "-cp", javaClasspath];
  return spawn("java", [...options, main, file], { stdio: "ignore" });
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await exited;
}

/** Asks until the answer is undefined (all is well) or patience ends; gives the last answer. */
async function settle(wrong: () => Promise<string | undefined> | string | undefined): Promise<string | undefined> {
  const end = Date.now() + patienceMs;
  for (;;) {
    const answer = await wrong();
    if (answer === undefined || Date.now() > end) return answer;
    await sleep(300);
  }
}

function kafkaOf(bootstrap: string): Kafka {
  return new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING, retry: { retries: 20, maxRetryTime: 2000 } });
}

/** Begins to read the topic from its beginning under read_committed. */
async function reader(bootstrap: string, topic: string): Promise<{ values: string[]; stop(): Promise<void> }> {
  const values: string[] = [];
  const consumer = kafkaOf(bootstrap).consumer({ groupId: `reader-of-${topic}`, maxWaitTimeInMs: 200 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({ eachMessage: async ({ message }) => void values.push(String(message.value)) });
  return { values, stop: () => consumer.disconnect() };
}

/** What is wrong with values that shall be those expected, each once, in whatever order. */
function onceEach(values: readonly string[], expected: readonly string[]): string | undefined {
  const found = new Set(values);
  const missing = expected.filter((value) => !found.has(value));
  if (missing.length > 0) return `${missing.length} of ${expected.length} missing, as ${missing[0]}`;
  return values.length === expected.length ? undefined : `${values.length - expected.length} came twice or from nowhere`;
}

const lines = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, index) => `line ${from + index}`);

function append(file: string, added: readonly string[]): void {
  appendFileSync(file, added.map((line) => `${line}\n`).join(""));
}

async function putConnector(port: number, name: string, config: Record<string, string>): Promise<void> {
  const url = `http://127.0.0.1:${port}/connectors/${name}/config`;
  const headers = { "content-type": "application/json" };
  const wrong = await settle(async () => {
    const answer = await fetch(url, { method: "PUT", headers, body: JSON.stringify(config) }).catch(() => undefined);
    return answer?.ok === true ? undefined : `the worker answers ${answer?.status ?? "nothing"}`;
  });
  if (wrong !== undefined) throw new Error(wrong);
}

/** A file goes into a topic exactly once and from there into another file, while one of two workers is killed. */
async function connectWorkers(folder: string): Promise<string | undefined> {
  const kante = await startKante({ data: join(folder, "data") });
  const ports = [await freePort(), await freePort()];
  const worker = (port: number) =>
    startJava(folder, "org.apache.kafka.connect.cli.ConnectDistributed", `worker-${port}`, [
      `bootstrap.servers=${kante.bootstrap}`,
      "group.id=connect",
      "key.converter=org.apache.kafka.connect.storage.StringConverter",
      "value.converter=org.apache.kafka.connect.storage.StringConverter",
      ...["offset", "config", "status"].map((kind) => `${kind}.storage.topic=connect-${kind}`),
      ...internal,
      "exactly.once.source.support=enabled",
      "offset.flush.interval.ms=1000",
      "session.timeout.ms=6000",
      "heartbeat.interval.ms=1000",
      "scheduled.rebalance.max.delay.ms=0",
      `listeners=HTTP://127.0.0.1:${port}`,
    ]);
  const workers = ports.map(worker);
  const [from, to] = [join(folder, "from.txt"), join(folder, "to.txt")];
  const written = (): string[] => (existsSync(to) ? readFileSync(to, "utf8").split("\n").slice(0, -1) : []);
  try {
    append(from, lines(0, 500));
    const file = "org.apache.kafka.connect.file.FileStream";
    const created = { "topic.creation.default.replication.factor": "1", "topic.creation.default.partitions": "2" };
    const exact = { "exactly.once.support": "required", "tasks.max": "1" };
    await putConnector(ports[0]!, "source", {
      "connector.class": `${file}SourceConnector`,
      file: from,
      topic: "lines",
      ...created,
      ...exact,
    });
    await putConnector(ports[1]!, "sink", {
      "connector.class": `${file}SinkConnector`,
      file: to,
      topics: "lines",
      "tasks.max": "2",
    });
    const before = await settle(() => onceEach([...new Set(written())], lines(0, 500)));
    if (before !== undefined) return `before the kill: ${before}`;
    append(from, lines(500, 1000));
    await kill(workers[0]!);
    append(from, lines(1000, 1500));
    // A sink repeats what it had not committed; it leaves nothing out.
    const after = await settle(() => onceEach([...new Set(written())], lines(0, 1500)));
    if (after !== undefined) return `after the kill: ${after}`;
    const topic = await reader(kante.bootstrap, "lines");
    const exactly = await settle(() => onceEach(topic.values, lines(0, 1500)));
    await topic.stop();
    return exactly === undefined ? undefined : `in the topic: ${exactly}`;
  } finally {
    await Promise.all(workers.map(kill));
    await kante.stop();
  }
}

/** Writes lines in four batches and lets a group commit that it has read them all. */
async function fill(bootstrap: string, topic: string, group: string): Promise<void> {
  const kafka = kafkaOf(bootstrap);
  const admin = kafka.admin();
  await admin.connect();
  const configEntries = [{ name: "retention.ms", value: "7200000" }];
  await admin.createTopics({ topics: [{ topic, numPartitions: 1, replicationFactor: 1, configEntries }] });
  const producer = kafka.producer();
  await producer.connect();
  for (let from = 0; from < 400; from += 100)
    await producer.send({ topic, messages: lines(from, from + 100).map((value) => ({ value })) });
  await producer.disconnect();
  await admin.setOffsets({ groupId: group, topic, partitions: [{ partition: 0, offset: "400" }] });
  await admin.disconnect();
}

/** What is wrong with the copy of a topic in another cluster, its config and the offset that the group has got there. */
async function wrongCopy(bootstrap: string, topic: string, group: string): Promise<string | undefined> {
  const copy = await reader(bootstrap, topic);
  const records = await settle(() => onceEach(copy.values, lines(0, 400)));
  await copy.stop();
  if (records !== undefined) return `${topic}: ${records}`;
  const admin = kafkaOf(bootstrap).admin();
  await admin.connect();
  const wrong = await settle(async () => {
    const [described] = (
      await admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configNames: ["retention.ms"] }],
      })
    ).resources;
    const retention = described?.configEntries[0]?.configValue;
    if (retention !== "7200000") return `${topic}: retention.ms is ${retention}`;
    const [offsets] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
    const offset = Number(offsets?.partitions[0]?.offset ?? -1);
    // Exactly-once mirrors put markers between the records, so that offsets are higher than at home.
    return offset > 0 ? undefined : `${topic}: ${group} has no offset`;
  });
  await admin.disconnect();
  return wrong;
}

/** Apache Kafka and Kante mirror each other: records once, configs, and the offsets of groups. */
async function mirror(folder: string): Promise<string | undefined> {
  const kante = await startKante({ data: join(folder, "data") });
  const kafka = await startApacheKafka(join(folder, "kafka"), await freePort(), [], "off");
  await fill(kafka.bootstrap, "orders", "billing");
  await fill(kante.bootstrap, "clicks", "counting");
  const topics = ["checkpoints", "heartbeats", "offset-syncs"].map((name) => `${name}.topic.replication.factor=1`);
  const often = ["emit.checkpoints", "sync.group.offsets", "refresh.topics", "refresh.groups", "sync.topic.configs"];
  const maker = startJava(folder, "org.apache.kafka.connect.mirror.MirrorMaker", "mirror", [
    "clusters=apache,kante",
    `apache.bootstrap.servers=${kafka.bootstrap}`,
    `kante.bootstrap.servers=${kante.bootstrap}`,
    ...["apache->kante", "kante->apache"].map((way) => `${way}.enabled=true`),
    "apache->kante.topics=orders",
    "kante->apache.topics=clicks",
    "replication.factor=1",
    ...topics,
    ...internal,
    ...often.map((what) => `${what}.interval.seconds=1`),
    "sync.group.offsets.enabled=true",
    "sync.topic.acls.enabled=false",
    "exactly.once.source.support=enabled",
  ]);
  try {
    // The mirrors make their topics; a reader that came first would have them made with other partitions.
    const made = async (bootstrap: string, topic: string): Promise<string | undefined> => {
      const admin = kafkaOf(bootstrap).admin();
      await admin.connect();
      const wrong = await settle(async () => ((await admin.listTopics()).includes(topic) ? undefined : `${topic} is not made`));
      await admin.disconnect();
      return wrong;
    };
    return (
      (await made(kante.bootstrap, "apache.orders")) ??
      (await made(kafka.bootstrap, "kante.clicks")) ??
      (await wrongCopy(kante.bootstrap, "apache.orders", "billing")) ??
      (await wrongCopy(kafka.bootstrap, "kante.clicks", "counting"))
    );
  } finally {
    await kill(maker);
    await kafka.stop();
    await kante.stop();
  }
}

async function check(title: string, print: Print, run: (folder: string) => Promise<string | undefined>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "kante-connect-"));
  try {
    const wrong = await run(folder);
    print(wrong === undefined ? `ok - connect: ${title}` : `not ok - connect: ${title}: ${wrong}`);
  } catch (error) {
    print(`not ok - connect: ${title}: ${String(error)}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export async function runConnect(print: Print): Promise<void> {
  await check("a file through a topic, exactly once, over the kill of a worker", print, connectWorkers);
  await check("MirrorMaker 2 between Apache Kafka and Kante, both ways", print, mirror);
}
