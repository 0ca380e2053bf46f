/**
 * Beside Apache Kafka on the same machine, driven by the same stock clients with their default settings: Java's producer and librdkafka
 * (kcat), and beside the raw path, which tells what the runtime gives to those clients. All servers run all the time and work in turns.
 * Needs Java, and kcat for the second half; says so where they are missing.
 */
import { spawn } from "node:child_process";
import { openSync, closeSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { javaClasspath, missingJava, startApacheKafka } from "../test/clients/apache-kafka.ts";
import { freePorts } from "../test/clients/kante.ts";
import { kcatMissing } from "../test/clients/kcat.ts";
import { startRawPath } from "./load/raw-path.ts";
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
  const [warmUp, rounds] = quick ? [1, 2] : [2, 5];
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
  return median(lines.slice(warmUp).map((line) => Number(line.split(" ")[0])));
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

interface Servers {
  readonly kante: string;
  readonly apache: string;
  readonly raw: string;
}

async function inTurns(
  client: string,
  repetitions: number,
  servers: Servers,
  rate: (bootstrap: string) => Promise<number>,
): Promise<Row[]> {
  const rates: Record<keyof Servers, number[]> = { kante: [], apache: [], raw: [] };
  for (let repetition = 0; repetition < repetitions; repetition++) {
    for (const server of ["apache", "raw", "kante"] as const) rates[server].push(await rate(servers[server]));
  }
  const [kante, apache, raw] = [median(rates.kante), median(rates.apache), median(rates.raw)];
  const what = { name: `${client}, 1 KiB records, all defaults`, value: kante, unit: "MB/s" };
  return [
    {
      ...what,
      ratio: kante / apache,
      against: `Apache Kafka 4.3 (${apache.toFixed(0)} MB/s)`,
      budget: { of: "ratio", atLeast: 1 },
    },
    {
      ...what,
      ratio: kante / raw,
      against: `raw path, answering as Kafka would (${raw.toFixed(0)} MB/s)`,
      budget: { of: "ratio", atLeast: 0.6 },
    },
  ];
}

export async function run(options: BenchOptions, note: (text: string) => void): Promise<Row[]> {
  const missing = missingJava();
  if (missing !== undefined) throw new Skipped(missing);
  const repetitions = options.quick ? 1 : 3;
  return await withFolder(async (folder) => {
    const kafkaPort = await freePorts(2);
    const apache = await startApacheKafka(join(folder, "kafka"), kafkaPort);
    try {
      const raw = await startRawPath(join(folder, "raw"));
      try {
        return await withKante({}, async (kante) => {
          // Made beforehand: what creating it on the fly does to a busy producer is another question.
          for (const port of [kafkaPort, kante.port]) await createTopic(port, topic, 4);
          const servers = { kante: kante.bootstrap, apache: apache.bootstrap, raw: `127.0.0.1:${raw.kafkaPort}` };
          const rows = await inTurns("Java's producer", repetitions, servers, async (bootstrap) => {
            return await javaRate(bootstrap, options);
          });
          const withoutKcat = kcatMissing();
          if (withoutKcat !== undefined) note(withoutKcat);
          else {
            const [file, count] = [join(folder, "lines"), options.quick ? 50_000 : 200_000];
            writeFileSync(file, `${"x".repeat(recordBytes)}\n`.repeat(count));
            rows.push(
              ...(await inTurns("librdkafka's producer (kcat)", repetitions, servers, async (bootstrap) => {
                return await kcatRate(bootstrap, file, count * recordBytes);
              })),
            );
          }
          return rows;
        });
      } finally {
        await raw.stop();
      }
    } finally {
      await apache.stop();
    }
  });
}
