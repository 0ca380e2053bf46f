/**
 * The same keyed, transactional history through Apache Kafka's log cleaner and through Kante's compaction, and then the same survivors,
 * offset by offset, to readers of either isolation level. Both are told to compact soon and often; what is compared is what must be left
 * when everything below the last record has been compacted, so it does not matter who came by when.
 * node test/differential/compaction.ts [--seed N]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { CompressionTypes, Kafka, logLevel, type Producer } from "kafkajs";
import { decompress } from "../../kernel/decompress.ts";
import { kernel } from "../../kernel/kernel.ts";
import { fetch } from "../../protocol/messages/01-fetch.ts";
import { listOffsets } from "../../protocol/messages/02-list-offsets.ts";
import { missingJava, startApacheKafka } from "../clients/apache-kafka.ts";
import { freePorts, startKante } from "../clients/kante.ts";
import { Random } from "../sim/random.ts";
import { Wire } from "./wire.ts";

const { values: options } = parseArgs({ options: { seed: { type: "string", default: "1" } } });
const steps = 60;
const keyCount = 12;
const patienceMs = 120_000;

interface Survivor {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: string;
  readonly value: string | null;
}

const text = (bytes: Uint8Array | null): string | null => (bytes === null ? null : new TextDecoder().decode(bytes));

/** Everything from the beginning to the last stable offset or the log's end, aborted records left out where the broker names them. */
async function readLog(port: number, topic: string, isolationLevel: 0 | 1): Promise<Survivor[]> {
  const wire = new Wire(port, "reads-what-is-left");
  const found: Survivor[] = [];
  try {
    for (let offset = 0; ;) {
      const partitions = [{ partition: 0, fetchOffset: BigInt(offset), partitionMaxBytes: 1 << 20 }];
      const request = { maxWaitMs: 0, minBytes: 0, maxBytes: 1 << 24, isolationLevel, topics: [{ topic, partitions }] };
      const answer = await wire.call(fetch, 11, request);
      if (typeof answer === "string") throw new Error(`a fetch was not answered: ${answer}`);
      const [partition] = answer.responses[0]!.partitions;
      if (partition!.errorCode !== 0) throw new Error(`a fetch got error ${partition!.errorCode}`);
      const end = Number(isolationLevel === 1 ? partition!.lastStableOffset : partition!.highWatermark);
      const ahead = [...(partition!.abortedTransactions ?? [])];
      const aborted = new Set<bigint>();
      const before = offset;
      for (const set of partition!.records === null ? [] : [partition!.records].flat()) {
        for (const header of kernel.batches(set)) {
          const next = header.baseOffset + header.offsetCount;
          while (ahead.length > 0 && Number(ahead[0]!.firstOffset) < next) aborted.add(ahead.shift()!.producerId);
          const body = set.subarray(header.position + 61, header.position + header.size);
          const records = kernel.records(header, await decompress(header.attributes & 7, body, 1 << 24));
          const isControl = (header.attributes & 32) !== 0;
          if (isControl && records[0]?.key?.at(-1) === 0) aborted.delete(BigInt(header.producerId));
          const isHidden = isControl || ((header.attributes & 16) !== 0 && aborted.has(BigInt(header.producerId)));
          for (const record of isHidden ? [] : records) {
            if (record.offset < offset) continue;
            found.push({ offset: record.offset, timestamp: record.timestamp, key: text(record.key)!, value: text(record.value) });
          }
          offset = Math.max(offset, next);
        }
      }
      if (offset >= end) return found;
      if (offset === before) throw new Error(`nothing comes behind ${offset} of ${end}`);
    }
  } finally {
    wire.close();
  }
}

async function logEnd(wire: Wire, topic: string, isolationLevel: 0 | 1): Promise<bigint> {
  const topics = [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: -1n }] }];
  const answer = await wire.call(listOffsets, 7, { replicaId: -1, isolationLevel, topics });
  if (typeof answer === "string") throw new Error(`the end of the log was not told: ${answer}`);
  const [partition] = answer.topics[0]!.partitions;
  if (partition!.errorCode !== 0) throw new Error(`the end of the log: error ${partition!.errorCode}`);
  return partition!.offset;
}

/** Until the marker is in the log: Apache Kafka says that a transaction has ended before it is, and the next record may come before it. */
async function untilMarked(port: number, topic: string): Promise<void> {
  const wire = new Wire(port, "waits-for-markers");
  try {
    const until = Date.now() + patienceMs;
    for (;;) {
      const [stable, end] = [await logEnd(wire, topic, 1), await logEnd(wire, topic, 0)];
      if (stable === end) return;
      if (Date.now() > until) throw new Error(`a transaction is still open at ${stable} of ${end}`);
      await sleep(2);
    }
  } finally {
    wire.close();
  }
}

/** What must be left below the last record, told from the history alone. */
class Expected {
  readonly #newest = new Map<string, Survivor>();
  #offset = 0;

  append(
    records: readonly { readonly key: string; readonly value: string | null; readonly timestamp: number }[],
    isKept: boolean,
  ): void {
    for (const { key, value, timestamp } of records) {
      if (isKept) this.#newest.set(key, { offset: this.#offset, timestamp, key, value });
      this.#offset += 1;
    }
  }

  marker(): void {
    this.#offset += 1;
  }

  survivors(withTombstones: boolean): Survivor[] {
    const left = [...this.#newest.values()].filter(({ value }) => withTombstones || value !== null);
    return left.toSorted((one, other) => one.offset - other.offset);
  }
}

const codecs = [CompressionTypes.None, CompressionTypes.GZIP];

class History {
  readonly expected = new Expected();
  readonly #random: Random;
  readonly #topic: string;
  readonly #ports: readonly number[];
  readonly #plain: Producer[];
  readonly #transactional: Producer[][];
  #values = 0;
  readonly #beganMs = Date.now() - 3_600_000;

  constructor(seed: number, topic: string, ports: readonly number[], clusters: readonly Kafka[]) {
    this.#random = new Random(seed);
    this.#topic = topic;
    this.#ports = ports;
    this.#plain = clusters.map((kafka) => kafka.producer({ idempotent: true, maxInFlightRequests: 1 }));
    this.#transactional = ["one", "two", "three"].map((name) =>
      clusters.map((kafka) => kafka.producer({ transactionalId: `${topic}-${name}`, idempotent: true, maxInFlightRequests: 1 })),
    );
  }

  async play(): Promise<void> {
    const all = [...this.#plain, ...this.#transactional.flat()];
    await Promise.all(all.map((producer) => producer.connect()));
    for (let step = 0; step < steps; step++) {
      if (this.#random.chance(0.4)) await this.#transaction();
      else await this.send(this.#records());
      // Segments are rolled meanwhile, and cleaned.
      if (this.#random.chance(0.2)) await sleep(300);
    }
    await Promise.all(this.#transactional.flat().map((producer) => producer.disconnect()));
  }

  async end(): Promise<void> {
    await Promise.all(this.#plain.map((producer) => producer.disconnect()));
  }

  #records() {
    return Array.from({ length: this.#random.between(1, 6) }, () => ({
      key: `key-${this.#random.between(0, keyCount - 1)}`,
      value: this.#random.chance(0.25) ? null : `value ${this.#values++}`,
      timestamp: this.#beganMs + this.#values * 10,
    }));
  }

  async send(
    records: readonly { readonly key: string; readonly value: string | null; readonly timestamp: number }[],
  ): Promise<void> {
    const compression = this.#random.pick(codecs);
    const messages = records.map((record) => ({ ...record, timestamp: String(record.timestamp), partition: 0 }));
    await Promise.all(this.#plain.map((producer) => producer.send({ topic: this.#topic, messages, compression })));
    this.expected.append(records, true);
  }

  async #transaction(): Promise<void> {
    const producers = this.#random.pick(this.#transactional);
    const batches = Array.from({ length: this.#random.between(1, 3) }, () => this.#records());
    const commit = this.#random.chance(0.6);
    await Promise.all(
      producers.map(async (producer) => {
        const transaction = await producer.transaction();
        for (const records of batches) {
          const messages = records.map((record) => ({ ...record, timestamp: String(record.timestamp), partition: 0 }));
          await transaction.send({ topic: this.#topic, messages });
        }
        await (commit ? transaction.commit() : transaction.abort());
      }),
    );
    await Promise.all(this.#ports.map(async (port) => untilMarked(port, this.#topic)));
    for (const records of batches) this.expected.append(records, commit);
    this.expected.marker();
  }
}

let passed = 0;
let failed = 0;

async function compare(
  name: string,
  ports: readonly number[],
  clusters: readonly Kafka[],
  deleteRetentionMs: number,
): Promise<void> {
  const topic = `compacted-${deleteRetentionMs}`;
  const configs = {
    "cleanup.policy": "compact",
    "segment.ms": 400,
    "min.cleanable.dirty.ratio": 0,
    "delete.retention.ms": deleteRetentionMs,
  };
  const configEntries = Object.entries(configs).map(([config, value]) => ({ name: config, value: String(value) }));
  for (const kafka of clusters) {
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic, numPartitions: 1, configEntries }], waitForLeaders: true });
    await admin.disconnect();
  }
  const history = new History(Number(options.seed), topic, ports, clusters);
  await history.play();
  const shown = async (): Promise<string[][]> =>
    Promise.all(
      ports.map(async (port) => {
        const views = await Promise.all([readLog(port, topic, 0), readLog(port, topic, 1)]);
        return views.map((view) => JSON.stringify(view.filter(({ key }) => key !== "roll")));
      }),
    );
  const wanted = JSON.stringify(history.expected.survivors(deleteRetentionMs > patienceMs));
  const until = Date.now() + patienceMs;
  let views = await shown();
  const isDone = (): boolean => views.flat().every((view) => view === wanted);
  while (!isDone() && Date.now() < until) {
    // Each one lets what is before it be compacted, and what was compacted before be looked at again.
    await history.send([{ key: "roll", value: "roll", timestamp: Date.now() }]);
    await sleep(1500);
    views = await shown();
  }
  await history.end();
  for (const [cluster, of] of ["Apache Kafka", "Kante"].entries()) {
    for (const [isolation, level] of ["read_uncommitted", "read_committed"].entries()) {
      const view = views[cluster]![isolation]!;
      if (view === wanted) passed += 1;
      else failed += 1;
      console.log(
        `${view === wanted ? "ok" : "not ok"} - ${name}: ${of}, ${level}: ${(JSON.parse(view) as unknown[]).length} records are left`,
      );
      if (view !== wanted) console.log(`    left: ${view}\n    wanted: ${wanted}`);
    }
  }
}

const reason = missingJava();
if (reason !== undefined) console.log(`skipped - compaction beside Apache Kafka: ${reason}`);
else {
  const folder = mkdtempSync(join(tmpdir(), "kante-compaction-"));
  const port = await freePorts(2);
  const config = ["log.cleaner.backoff.ms=200", "log.initial.task.delay.ms=100", "log.cleaner.dedupe.buffer.size=4000000"];
  const soon = ["merge.interval.ms=300", "merge.bytes=1", "log.cleaner.backoff.ms=200", "inline.drain.bytes=1"];
  const kafka = await startApacheKafka(join(folder, "kafka"), port, config, "off");
  const kante = await startKante({ data: join(folder, "kante"), args: soon.flatMap((setting) => ["--set", setting]) });
  try {
    const ports = [kafka, kante].map(({ bootstrap }) => Number(bootstrap.split(":")[1]));
    const clusters = [kafka, kante].map(({ bootstrap }) => new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING }));
    await compare("deletions are kept", ports, clusters, 3_600_000);
    await compare("deletions go too", ports, clusters, 100);
  } finally {
    await Promise.all([kafka.stop(), kante.stop()]);
    rmSync(folder, { recursive: true, force: true });
  }
}
console.log(`compaction beside Apache Kafka: ${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
