/**
 * Kafka's own DumpLogSegments over segments that Kante has written to its data folder: every batch, every record, both indexes. Starts a
 * server of its own, which merges soon, and produces to it with kafkajs. One line a case, as the other suites print.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, globSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CompressionTypes, Kafka, logLevel } from "kafkajs";
import { javaClasspath } from "./apache-kafka.ts";
import { startKante } from "./kante.ts";

const topic = "consolidated";
const compactedTopic = "compacted";
const rounds = 60;
const recordsPerRound = 20;
const segmentBytes = 1024 * 1024;

function dump(args: readonly string[]): string {
  const options = ["-Dorg.slf4j.simpleLogger.defaultLogLevel=off", "-cp", javaClasspath, "org.apache.kafka.tools.DumpLogSegments"];
  const result = spawnSync("java", [...options, ...args], { encoding: "utf8", timeout: 120_000, maxBuffer: 256 * 1024 * 1024 });
  if (result.status !== 0) throw new Error(`DumpLogSegments ${args.join(" ")}: ${result.status}: ${result.stdout}${result.stderr}`);
  return result.stdout + result.stderr;
}

async function produce(bootstrap: string): Promise<void> {
  const kafka = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const configEntries = [{ name: "segment.bytes", value: String(segmentBytes) }];
  await admin.createTopics({ topics: [{ topic, numPartitions: 1, configEntries }] });
  await admin.disconnect();
  const begin = Date.now() - 600_000;
  const producer = kafka.producer({ idempotent: true });
  await producer.connect();
  for (let round = 0; round < rounds; round++) {
    const messages = Array.from({ length: recordsPerRound }, (_, index) => ({
      key: `key-${round}-${index}`,
      value: Buffer.alloc(5000, `${round}/${index} `),
      headers: { round: String(round) },
      timestamp: String(begin + round * 1000 + index),
    }));
    await producer.send({ topic, messages, compression: round % 3 === 0 ? CompressionTypes.GZIP : CompressionTypes.None });
  }
  await producer.disconnect();
}

/** Everything from the beginning, wherever it lies, and one look-up by time into the first segment. */
async function consume(bootstrap: string): Promise<void> {
  const kafka = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const consumer = kafka.consumer({ groupId: "reads-segments" });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  let next = 0;
  let middle = "";
  await new Promise<void>((resolve, reject) => {
    void consumer.run({
      eachMessage: async ({ message }) => {
        const wanted = `key-${Math.floor(next / recordsPerRound)}-${next % recordsPerRound}`;
        if (Number(message.offset) !== next || message.key?.toString() !== wanted)
          reject(new Error(`${message.offset} ${message.key?.toString()} instead of ${next} ${wanted}`));
        if (next === 110) middle = message.timestamp;
        next += 1;
        if (next === rounds * recordsPerRound) resolve();
      },
    });
  });
  await consumer.disconnect();
  const found = await admin.fetchTopicOffsetsByTimestamp(topic, Number(middle));
  await admin.disconnect();
  if (found[0]?.offset !== "110") throw new Error(`at the time of offset 110 is ${found[0]?.offset}`);
}

/** The files under the names that Kafka gives them. */
async function segmentsOf(data: string, into: string): Promise<readonly string[]> {
  for (let turns = 0; turns < 600; turns++) {
    const found = globSync(join(data, "objects/*/segment/*/0/*.log")).sort();
    const whole = found.filter((log) => globSync(log.replace(/log$/, "timeindex")).length > 0);
    if (whole.length >= 3) {
      for (const log of whole) {
        for (const extension of ["log", "index", "timeindex"]) {
          const name = `${basename(log).slice(0, 20)}.${extension}`;
          copyFileSync(log.replace(/log$/, extension), join(into, name));
        }
      }
      return whole.map((log) => join(into, `${basename(log).slice(0, 20)}.log`));
    }
    await sleep(100);
  }
  throw new Error("no segments have been written");
}

/** Keys come again and again; the last record of each must be left, and the newest batch. */
async function produceKeyed(bootstrap: string): Promise<ReadonlyMap<string, string>> {
  const kafka = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const configs = { "cleanup.policy": "compact", "segment.ms": "200", "min.cleanable.dirty.ratio": "0" };
  const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }));
  await admin.createTopics({ topics: [{ topic: compactedTopic, numPartitions: 1, configEntries }] });
  await admin.disconnect();
  const producer = kafka.producer({ idempotent: true });
  await producer.connect();
  const newest = new Map<string, string>();
  for (let round = 0; round < 20; round++) {
    const messages = Array.from({ length: 10 }, (_, index) => ({
      key: `key-${(round * 3 + index) % 23}`,
      value: `${round}/${index}`,
    }));
    for (const { key, value } of messages) newest.set(key, value);
    await producer.send({
      topic: compactedTopic,
      messages,
      compression: round % 2 === 0 ? CompressionTypes.GZIP : CompressionTypes.None,
    });
  }
  await sleep(400);
  await producer.send({ topic: compactedTopic, messages: [{ key: "last", value: "last" }] });
  newest.set("last", "last");
  await producer.disconnect();
  return newest;
}

/** The log of the partition, once nothing of it is overwritten any more. */
async function compactedLog(data: string, into: string, wanted: number): Promise<string> {
  let out = "";
  for (let turns = 0; turns < 40; turns++) {
    for (const log of globSync(join(data, "objects/*/segment/*/0/*.log"))) {
      const name = join(into, `${basename(log).slice(0, 20)}.log`);
      copyFileSync(log, name);
      out = dump(["--deep-iteration", "--print-data-log", "--files", name]);
      const isCompacted = [...out.matchAll(/^\| offset: /gm)].length <= wanted && /key: key-/.test(out);
      if (isCompacted) return out;
    }
    await sleep(500);
  }
  throw new Error(`no segment is compacted: ${out.slice(-2000)}`);
}

function expectNewest(who: string, lines: readonly string[], newest: ReadonlyMap<string, string>): void {
  const seen = new Map(lines.map((line) => line.split(" ") as [string, string]));
  for (const [key, value] of newest)
    if (seen.get(key) !== value) throw new Error(`${who}: ${key} is ${seen.get(key)}, not ${value}`);
  if (lines.length !== newest.size)
    throw new Error(`${who} read ${lines.length} records of ${newest.size} keys: ${lines.join(", ")}`);
}

async function checkCompacted(
  data: string,
  bootstrap: string,
  check: (title: string, body: () => void | Promise<void>) => Promise<void>,
): Promise<void> {
  const newest = await produceKeyed(bootstrap);
  const copies = join(data, "compacted");
  mkdirSync(copies);
  await check("DumpLogSegments reads a compacted segment: batches ascend, all valid", async () => {
    const out = await compactedLog(data, copies, newest.size);
    let end = 0;
    for (const [line, base, last, valid] of out.matchAll(/^baseOffset: (\d+) lastOffset: (\d+) .*isvalid: (\w+)$/gm)) {
      if (valid !== "true" || Number(base) < end) throw new Error(line);
      end = Number(last) + 1;
    }
    if (end < 190) throw new Error(`the log ends at ${end}`);
  });
  await check("the Java consumer reads the newest record of each key of a compacted topic, to its end", () => {
    const options = ["-Dorg.slf4j.simpleLogger.defaultLogLevel=off", "-cp", javaClasspath];
    const tool = ["org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", bootstrap, "--topic", compactedTopic];
    const shown = ["--from-beginning", "--timeout-ms", "5000", "--formatter-property", "print.key=true"];
    const separated = ["--formatter-property", "key.separator= "];
    const { stdout } = spawnSync("java", [...options, ...tool, ...shown, ...separated], { encoding: "utf8", timeout: 60_000 });
    expectNewest("Java", stdout.split("\n").filter(Boolean), newest);
  });
  if (spawnSync("kcat", ["-V"]).status !== 0) return;
  await check("kcat reads the same, and knows the end of the log", () => {
    const args = ["-b", bootstrap, "-t", compactedTopic, "-C", "-e", "-q", "-f", "%k %s\n"];
    const { stdout, status } = spawnSync("kcat", args, { encoding: "utf8", timeout: 30_000 });
    if (status !== 0) throw new Error(`kcat ended with ${status}`);
    expectNewest("kcat", stdout.split("\n").filter(Boolean), newest);
  });
}

/** A server that merges and compacts at once. */
async function runCompacted(check: (title: string, body: () => void | Promise<void>) => Promise<void>): Promise<void> {
  const data = mkdtempSync(join(tmpdir(), "kante-compacted-"));
  const soon = ["merge.interval.ms=300", "merge.bytes=1", "log.cleaner.backoff.ms=200", "inline.drain.bytes=1"];
  const kante = await startKante({ data, args: soon.flatMap((setting) => ["--set", setting]) });
  try {
    await checkCompacted(data, kante.bootstrap, check);
  } finally {
    await kante.stop();
    rmSync(data, { recursive: true, force: true });
  }
}

export async function runSegments(print: (line: string) => void): Promise<void> {
  const data = mkdtempSync(join(tmpdir(), "kante-segments-"));
  const copies = join(data, "copies");
  mkdirSync(copies);
  const args = ["--set", "merge.interval.ms=300", "--set", "merge.bytes=1000000"];
  const kante = await startKante({ data, args });
  const check = async (title: string, body: () => void | Promise<void>): Promise<void> => {
    try {
      await body();
      print(`ok - segments: ${title}`);
    } catch (error) {
      print(`not ok - segments: ${title}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  try {
    await produce(kante.bootstrap);
    const logs = await segmentsOf(data, copies);
    await check("a consumer reads segments, merged objects and the rest from the beginning, and finds an offset by time", () =>
      consume(kante.bootstrap),
    );
    let next = 0;
    await check(`DumpLogSegments reads ${logs.length} logs to the last record, all valid, offsets without holes`, () => {
      for (const log of logs) {
        const out = dump(["--deep-iteration", "--print-data-log", "--files", log]);
        const batches = [...out.matchAll(/^baseOffset: (\d+) lastOffset: (\d+) count: (\d+) .*isvalid: (\w+)$/gm)];
        const records = [...out.matchAll(/^\| offset: (\d+) .* key: (\S+) /gm)];
        if (batches.length === 0 || records.length === 0) throw new Error(`nothing was read: ${out.slice(0, 500)}`);
        if (Number(basename(log, ".log")) !== next) throw new Error(`${basename(log)} does not begin at ${next}`);
        for (const [line, base, last, , valid] of batches) {
          if (valid !== "true" || Number(base) !== next) throw new Error(`at ${next}: ${line}`);
          next = Number(last) + 1;
        }
        for (const [, offset, key] of records) {
          const wanted = `key-${Math.floor(Number(offset) / recordsPerRound)}-${Number(offset) % recordsPerRound}`;
          if (key !== wanted) throw new Error(`at ${offset}: ${key}, not ${wanted}`);
        }
      }
    });
    for (const kind of ["index", "timeindex"] as const) {
      await check(`every entry of a .${kind} leads to its batch`, () => {
        for (const log of logs) {
          const file = log.replace(/log$/, kind);
          const shown = dump(["--files", file]);
          if (!/^(offset|timestamp): \d+/m.test(shown)) throw new Error(`no entries: ${shown}`);
          const out = dump(["--verify-index-only", "--files", file]);
          if (/mismatch|not found|out of order|corrupt/i.test(out)) throw new Error(out);
        }
      });
    }
  } catch (error) {
    print(`not ok - segments: ${String(error)}`);
  } finally {
    await kante.stop();
    rmSync(data, { recursive: true, force: true });
  }
  await runCompacted(check);
}
