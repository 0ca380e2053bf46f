/** Starts and ends the real server and the real bridge as a user would, on free ports, for suites that drive them from outside. */
import { spawn, type ChildProcess } from "node:child_process";
import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";

const launcher = join(import.meta.dirname, "../../bin/kante.js");

/**
 * Below those that systems give to outgoing connections, one of which could take the port of a server that is down for a moment; and
 * above those that browsers refuse.
 */
const firstPort = 11_000;
const endPort = 32_000;

export async function freePort(): Promise<number> {
  return await freePorts(1);
}

/** Free ports in a row: broker n listens on the first plus n. */
export async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = randomInt(firstPort, endPort - count);
    const servers = await Promise.allSettled(Array.from({ length: count }, (_, i) => hold(first + i)));
    const held = servers.flatMap((server) => (server.status === "fulfilled" ? [server.value] : []));
    await Promise.all(held.map(async (server) => await new Promise((resolve) => server.close(resolve))));
    if (held.length === count) return first;
  }
}

function hold(port: number): Promise<ReturnType<typeof createServer>> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}

export interface Running {
  readonly bootstrap: string;
  readonly httpUrl: string;
  readonly child: ChildProcess;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** Resolves when a line of its output matches; rejects with all it said when it ends before. */
async function launch(args: readonly string[], ready: RegExp): Promise<ChildProcess> {
  const child = spawn(process.execPath, [launcher, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const said: string[] = [];
  await new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        said.push(line);
        if (ready.test(line)) resolve();
      });
    }
    child.once("exit", (code) => reject(new Error(`kante ${args.join(" ")} ended with ${code}: ${said.join("\n")}`)));
  });
  return child;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  await exited;
}

export async function startKante(options: {
  readonly data: string;
  readonly kafkaPort?: number;
  readonly httpPort?: number;
  readonly brokers?: number;
  readonly args?: readonly string[];
}): Promise<Running> {
  const brokers = options.brokers ?? 1;
  const kafkaPort = options.kafkaPort ?? (await freePorts(brokers));
  const httpPort = options.httpPort ?? (await freePort());
  const args = [
    "--kafka-port",
    String(kafkaPort),
    "--http-port",
    String(httpPort),
    "--data",
    options.data,
    "--brokers",
    String(brokers),
  ];
  const child = await launch(["start", ...args, ...(options.args ?? [])], /Kafka .*127\.0\.0\.1/);
  return {
    bootstrap: `127.0.0.1:${kafkaPort}`,
    httpUrl: `http://127.0.0.1:${httpPort}`,
    child,
    stop: (signal = "SIGTERM") => end(child, signal),
  };
}

export async function startBridge(httpUrl: string, brokers = 1): Promise<Running> {
  const port = await freePorts(brokers);
  const url = `${httpUrl.replace("http", "ws")}/c/default/kafka`;
  const child = await launch(
    ["bridge", "--url", url, "--listen", `127.0.0.1:${port}`, "--brokers", String(brokers)],
    /127\.0\.0\.1/,
  );
  return { bootstrap: `127.0.0.1:${port}`, httpUrl, child, stop: (signal = "SIGTERM") => end(child, signal) };
}
