/**
 * Beside Apache Kafka on the same machine, driven by the same stock clients with their default settings: Java's producer and librdkafka
 * (kcat). Both servers run all the time and work in turns. Needs Java, and kcat for the second half; says so where they are missing.
 */
import { spawn } from "node:child_process";
import { openSync, closeSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { javaClasspath, missingJava, startApacheKafka } from "../test/clients/apache-kafka.ts";
import { freePorts } from "../test/clients/kante.ts";
import { kcatMissing } from "../test/clients/kcat.ts";
import { createTopic } from "./load/requests.ts";
import { withFolder, withKante } from "./load/server.ts";
import type { BenchOptions, Row } from "./row.ts";
import { Skipped } from "./skipped.ts";
import { median } from "./statistics.ts";

const recordBytes = 1024;
const program = join(import.meta.dirname, "java/Produce.java");
const topic = "sustained";

function execute(command: string, args: readonly string[], input: number | "ignore" = "ignore"): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: [input, "pipe", "pipe"] });
    const said = { stdout: "", stderr: "" };
    child.stdout?.on("data", (chunk: Buffer) => (said.stdout += chunk.toString()));
    child.stderr?.on("data", (chunk: Buffer) => (said.stderr += chunk.toString()));
    const timer = setTimeout(() => child.kill("SIGKILL"), 60_000);
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(timer);
      if (code === 0) resolve(said.stdout);
      else reject(new Error(`${command} ended with ${code}: ${said.stderr.slice(-2000)}`));
    });
  });
}

/** MB a second of the last rounds of one program: the first ones warm up the compiler and create the topic. */
async function javaRate(bootstrap: string, { quick }: BenchOptions): Promise<number> {
  const rounds = quick ? 2 : 3;
  const quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error";
  const args = [
    quiet,
    "-cp",
    javaClasspath,
    program,
    bootstrap,
    topic,
    String(recordBytes),
    quick ? "1000" : "2500",
    String(rounds),
  ];
  const lines = (await execute("java", args)).trim().split("\n");
  return median(lines.slice(-rounds + 1).map((line) => Number(line.split(" ")[0])));
}

/** kcat sends the lines of a file: the time of the whole command, its start included. */
async function kcatRate(bootstrap: string, file: string, bytes: number): Promise<number> {
  const input = openSync(file, "r");
  try {
    const startMs = performance.now();
    await execute("kcat", ["-b", bootstrap, "-t", topic, "-P"], input);
    return bytes / 1e6 / ((performance.now() - startMs) / 1000);
  } finally {
    closeSync(input);
  }
}

async function inTurns(
  repetitions: number,
  rate: (bootstrap: string) => Promise<number>,
  kante: string,
  apache: string,
): Promise<[number, number]> {
  const [ours, theirs]: number[][] = [[], []];
  for (let repetition = 0; repetition < repetitions; repetition++) {
    theirs!.push(await rate(apache));
    ours!.push(await rate(kante));
  }
  return [median(ours!), median(theirs!)];
}

function row(client: string, [ours, theirs]: [number, number]): Row {
  return {
    name: `${client}, 1 KiB records, all defaults`,
    value: ours,
    unit: "MB/s",
    ratio: ours / theirs,
    against: `Apache Kafka 4.3 (${theirs.toFixed(0)} MB/s)`,
    budget: { of: "ratio", atLeast: 1 },
  };
}

export async function run(options: BenchOptions, note: (text: string) => void): Promise<Row[]> {
  const missing = missingJava();
  if (missing !== undefined) throw new Skipped(missing);
  const repetitions = options.quick ? 1 : 3;
  return await withFolder(async (folder) => {
    const kafkaPort = await freePorts(2);
    const apache = await startApacheKafka(join(folder, "kafka"), kafkaPort);
    try {
      return await withKante({}, async (kante) => {
        // Made beforehand: what creating it on the fly does to a busy producer is another question.
        for (const port of [kafkaPort, kante.port]) await createTopic(port, topic, 4);
        const rows = [
          row(
            "Java's producer",
            await inTurns(repetitions, async (bootstrap) => await javaRate(bootstrap, options), kante.bootstrap, apache.bootstrap),
          ),
        ];
        const withoutKcat = kcatMissing();
        if (withoutKcat !== undefined) note(withoutKcat);
        else {
          const [file, count] = [join(folder, "lines"), options.quick ? 50_000 : 200_000];
          writeFileSync(file, `${"x".repeat(recordBytes)}\n`.repeat(count));
          const rate = async (bootstrap: string): Promise<number> => await kcatRate(bootstrap, file, count * recordBytes);
          rows.push(row("librdkafka's producer (kcat)", await inTurns(repetitions, rate, kante.bootstrap, apache.bootstrap)));
        }
        return rows;
      });
    } finally {
      await apache.stop();
    }
  });
}
