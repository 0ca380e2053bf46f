/**
 * A Kafka Streams application with exactly_once_v2 that counts words, killed with SIGKILL again and again while lines are written, and
 * then Kante killed under it: a read_committed reader must see each word's count go 1, 2, 3, … without a gap, a repetition or an end
 * before the last word. A suite of main.ts.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { Kafka, logLevel, type Producer } from "kafkajs";
import { freePort, type Running, startKante } from "./kante.ts";

const words = ["edge", "log", "leader", "cell", "offset", "marker", "broker", "epoch", "stream", "fence"];
const kills = 3;
const linesAKill = 1500;
const patienceMs = 240_000;
const args = ["--set", "group.initial.rebalance.delay.ms=0"];

interface Setup {
  readonly classpath: string;
  readonly print: (line: string) => void;
}

class Run {
  readonly folder = mkdtempSync(join(tmpdir(), "kante-streams-"));
  readonly expected = new Map<string, number>();
  readonly counts = new Map<string, number[]>();
  #kante: Running | undefined;
  #app: ChildProcess | undefined;
  #kafka: Kafka | undefined;
  #kafkaPort = 0;
  #httpPort = 0;
  readonly #classpath: string;
  readonly #name: string;

  constructor(name: string, classpath: string) {
    this.#name = name;
    this.#classpath = classpath;
  }

  async begin(): Promise<void> {
    this.#kafkaPort = await freePort();
    this.#httpPort = await freePort();
    await this.startKante();
    const retry = { retries: 30, maxRetryTime: 2000 };
    this.#kafka = new Kafka({ brokers: [`127.0.0.1:${this.#kafkaPort}`], logLevel: logLevel.NOTHING, retry });
    const admin = this.#kafka.admin();
    await admin.connect();
    await admin.createTopics({ topics: ["lines", "counts"].map((topic) => ({ topic, numPartitions: 2 })) });
    await admin.disconnect();
  }

  async startKante(): Promise<void> {
    const options = { data: join(this.folder, "data"), kafkaPort: this.#kafkaPort, httpPort: this.#httpPort, args };
    this.#kante = await startKante(options);
  }

  async killKante(): Promise<void> {
    await this.#kante?.stop("SIGKILL");
  }

  /** Resolves when it works. */
  async startApp(): Promise<void> {
    const state = join(this.folder, "state");
    const options = ["-Xmx256m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=off", "-cp", this.#classpath, "WordCount"];
    const app = spawn("java", [...options, `127.0.0.1:${this.#kafkaPort}`, this.#name, "lines", "counts", state], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    this.#app = app;
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: app.stdout }).on("line", (line) => {
        if (line === "# RUNNING") resolve();
      });
      app.once("exit", () => reject(new Error("the application ended before it ran")));
    });
  }

  async killApp(): Promise<void> {
    const app = this.#app;
    if (app === undefined || app.exitCode !== null || app.signalCode !== null) return;
    const exited = new Promise((resolve) => app.once("exit", resolve));
    app.kill("SIGKILL");
    await exited;
  }

  async write(producer: Producer, count: number): Promise<void> {
    for (let line = 0; line < count; line += 50) {
      const messages = Array.from({ length: 50 }, (_, index) => {
        const spoken = [0, 3, 7].map((step) => words[(line + index * 3 + step) % words.length]!);
        for (const word of spoken) this.expected.set(word, (this.expected.get(word) ?? 0) + 1);
        return { value: spoken.join(" ") };
      });
      // Idempotent, so that a retry over a kill of the server does not write a line twice.
      await producer.send({ topic: "lines", messages, acks: -1 });
      // Writing goes on when the kill comes.
      await sleep(100);
    }
  }

  async producer(): Promise<Producer> {
    const producer = this.#kafka!.producer({ idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    return producer;
  }

  /** Reads the counts to the end, from the beginning; undefined until all are there. */
  async read(): Promise<string | undefined> {
    const consumer = this.#kafka!.consumer({ groupId: `reader-${this.#name}`, maxWaitTimeInMs: 200 });
    await consumer.connect();
    await consumer.subscribe({ topic: "counts", fromBeginning: true });
    await consumer.run({
      eachMessage: async ({ message }) => {
        const word = String(message.key);
        const list = this.counts.get(word) ?? [];
        list.push(Number(String(message.value)));
        this.counts.set(word, list);
      },
    });
    const end = Date.now() + patienceMs;
    let wrong = this.wrong();
    while (wrong !== undefined && Date.now() < end) {
      await sleep(200);
      wrong = this.wrong();
    }
    // What would come behind the last count is wrong as well.
    await sleep(1000);
    await consumer.disconnect();
    return this.wrong();
  }

  wrong(): string | undefined {
    for (const [word, total] of this.expected) {
      const list = this.counts.get(word) ?? [];
      const at = list.findIndex((count, index) => count !== index + 1);
      if (at >= 0) return `the count of ${word} went from ${list[at - 1] ?? 0} to ${list[at]}`;
      if (list.length !== total) return `${word} was counted ${list.length} times, it came ${total} times`;
    }
    return undefined;
  }

  async end(): Promise<void> {
    await this.killApp();
    await this.#kante?.stop("SIGTERM");
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function check(title: string, name: string, { classpath, print }: Setup, kill: (run: Run) => Promise<void>): Promise<void> {
  const run = new Run(name, classpath);
  try {
    await run.begin();
    await run.startApp();
    const producer = await run.producer();
    for (let round = 0; round < kills; round++) {
      const writing = run.write(producer, linesAKill);
      await sleep(1500);
      await kill(run);
      await writing;
    }
    await producer.disconnect();
    const wrong = await run.read();
    const total = [...run.expected.values()].reduce((sum, count) => sum + count, 0);
    print(wrong === undefined ? `ok - streams: ${title} (${total} words)` : `not ok - streams: ${title}: ${wrong}`);
  } catch (error) {
    print(`not ok - streams: ${title}: ${String(error)}`);
  } finally {
    await run.end();
  }
}

export async function runStreams(setup: Setup): Promise<void> {
  await check(`exact word counts over ${kills} kills of the application`, "app-killed", setup, async (run) => {
    await run.killApp();
    await run.startApp();
  });
  await check(`exact word counts over ${kills} kills of Kante`, "kante-killed", setup, async (run) => {
    await run.killKante();
    await run.startKante();
  });
}
