/**
 * Starts a single-node Apache Kafka from the jars that pom.xml names, as the reference beside Kante: client suites prove
 * themselves against it, benches and differential tests compare with it. Needs Java and Maven; says so where they are missing.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const root = join(import.meta.dirname, "../..");

export interface JavaSetup {
  /** In test/clients/java. */
  readonly pom: string;
  readonly folder: string;
  /** Jars whose presence tells that all are there. */
  readonly needed: readonly string[];
}

const today: JavaSetup = {
  pom: "pom.xml",
  folder: join(root, ".tools/java"),
  needed: ["kafka-tools", "kafka-streams", "connect-file", "connect-mirror"],
};
/** Clients that speak the first transaction version. */
export const javaBefore: JavaSetup = { pom: "pom-3.6.xml", folder: join(root, ".tools/java-3.6"), needed: ["kafka-clients"] };

/** Undefined when Java and the jars are there (fetched when needed), else why not. */
export function missingJava({ pom, folder, needed }: JavaSetup = today): string | undefined {
  if (spawnSync("java", ["-version"]).status !== 0) return "no java on this machine";
  const jars = join(folder, "lib");
  const there = existsSync(jars) ? readdirSync(jars) : [];
  if (needed.every((name) => there.some((jar) => jar.startsWith(name)))) return undefined;
  if (spawnSync("mvn", ["-v"]).status !== 0) return "no mvn on this machine";
  const goal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";
  const args = ["-q", "-B", "-f", join(root, "test/clients/java", pom), goal, `-DoutputDirectory=${jars}`];
  const fetched = spawnSync("mvn", args, { encoding: "utf8" });
  return fetched.status === 0 ? undefined : `Maven could not fetch the jars: ${fetched.stdout.slice(-300)}`;
}

export const javaClasspath = `${join(today.folder, "lib")}/*`;

export interface RunningKafka {
  readonly bootstrap: string;
  stop(): Promise<void>;
}

export async function startApacheKafka(
  dataFolder: string,
  port: number,
  extra: readonly string[] = [],
  logLevel: "warn" | "off" = "warn",
): Promise<RunningKafka> {
  mkdirSync(dataFolder, { recursive: true });
  const config = join(dataFolder, "server.properties");
  const lines = [
    "process.roles=broker,controller",
    "node.id=1",
    `controller.quorum.voters=1@127.0.0.1:${port + 1}`,
    `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${port + 1}`,
    `advertised.listeners=PLAINTEXT://127.0.0.1:${port}`,
    "controller.listener.names=CONTROLLER",
    "inter.broker.listener.name=PLAINTEXT",
    `log.dirs=${join(dataFolder, "logs")}`,
    "num.partitions=4",
    "offsets.topic.replication.factor=1",
    "transaction.state.log.replication.factor=1",
    "transaction.state.log.min.isr=1",
    "share.coordinator.state.topic.replication.factor=1",
    "share.coordinator.state.topic.min.isr=1",
    "group.initial.rebalance.delay.ms=0",
    ...extra,
  ];
  writeFileSync(config, `${lines.join("\n")}\n`);
  const quiet = ["-Xmx1g", `-Dorg.slf4j.simpleLogger.defaultLogLevel=${logLevel}`, "-cp", javaClasspath];
  const format = spawnSync("java", [...quiet, "kafka.tools.StorageTool", "format", "-t", "4L6g3nShT-eMCtK--X86sw", "-c", config], {
    encoding: "utf8",
  });
  if (format.status !== 0) throw new Error(`formatting the storage failed: ${format.stdout}${format.stderr}`);
  const child = spawn("java", [...quiet, "kafka.Kafka", config], { stdio: ["ignore", "ignore", "inherit"] });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  for (let attempt = 0; !(await accepts(port)); attempt++) {
    if (attempt > 300 || child.exitCode !== null) throw new Error("Apache Kafka did not start");
    await sleep(200);
  }
  return {
    bootstrap: `127.0.0.1:${port}`,
    async stop() {
      child.kill("SIGTERM");
      await Promise.race([exited, sleep(10_000).then(() => child.kill("SIGKILL"))]);
      await exited;
    },
  };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
