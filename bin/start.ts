/**
 * `kante start`: a whole server on this machine. Checks what can be checked before anything runs, takes the data folder, starts the
 * engine, says where it listens, and ends everything when told to or when its parent is gone.
 */
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { buildWhatIsStale } from "../scripts/build.ts";
import { isSettingName, parseSetting, settingDefaults } from "../core/settings.ts";
import { removeTornWrites } from "../scripts/torn-writes.ts";
import { DataFolder } from "./data-folder.ts";
import { type Engine, startEngine } from "./engine.ts";
import { Failure, errorCodeOf, messageOf, usageFailure } from "./failure.ts";
import { type Flags, type ParsedFlags, describeFlags, parseFlags } from "./flags.ts";
import { endWithThisProcess, toldToStop } from "./guard.ts";

const logLevels = ["debug", "info", "warn", "error", "off"] as const;

const flags: Flags = {
  host: { value: "address", standard: "127.0.0.1", help: "address to listen on" },
  "kafka-port": { value: "port", standard: "9092", help: "port of the first broker; the others follow" },
  "http-port": { value: "port", standard: "8787", help: "port of WebSocket, health and metrics" },
  "advertised-host": { value: "name", standard: "the host", help: "what clients are told to connect to" },
  data: { value: "folder", standard: ".kante", help: "where everything is kept" },
  store: { value: "disk|r2", standard: "disk", help: "objects as files, or in a simulated R2 bucket" },
  brokers: { value: "count", standard: "1", help: "brokers, one port each" },
  set: { value: "name=value", repeated: true, help: "change a setting; may be given again" },
  "log-level": { value: "level", standard: "info", help: logLevels.join(", ") },
  "put-delay-ms": { value: "ms", standard: "0", help: "slow every object PUT down, to try things out" },
};

/**
 * What differs from a deployment: a PUT into a folder costs nothing, so nothing is gained by waiting for the next. With the deployed
 * limit a producer that has only five small requests under way, as Java's, would spend its time waiting. And mergers share the one
 * thread with brokers, where a second one would only be in the way: at full speed they would take more than half of it from whoever produces
 * much, so they work for a fifth of the time and catch up.
 */
const localDefaults = { "wal.puts.per.second": 1000, "mergers.max": 1, "merge.time.ratio": 0.2 };

export function help(): string {
  const settings = Object.entries({ ...settingDefaults, ...localDefaults }).map(([name, value]) => `  ${name}=${value}`);
  return `Usage: kante start [options]\n\nRuns a Kafka-compatible server on this machine.\n\nOptions:\n${describeFlags(flags)}\n\nSettings for --set, with their defaults:\n${settings.join("\n")}`;
}

function settingsOf(parsed: ParsedFlags, brokers: number): Record<string, unknown> {
  const settings: Record<string, unknown> = {
    ...localDefaults,
    "brokers.per.zone": brokers,
    "log.level": parsed.oneOf("log-level", logLevels),
  };
  for (const assignment of parsed.all("set")) {
    const at = assignment.indexOf("=");
    const [name, text] = [assignment.slice(0, at), assignment.slice(at + 1)];
    if (at < 1) throw usageFailure(`--set wants name=value, not ${JSON.stringify(assignment)}`, "start");
    if (!isSettingName(name)) throw usageFailure(`unknown setting ${name}`, "start");
    const value = parseSetting(name, text);
    if (value === undefined) throw usageFailure(`setting ${name} cannot be ${JSON.stringify(text)}`, "start");
    settings[name] = value;
  }
  return settings;
}

function readOptions(args: readonly string[]) {
  const parsed = parseFlags("start", flags, args);
  const brokers = parsed.integer("brokers", 1, 100);
  const basePort = parsed.integer("kafka-port", 1, 65_536 - brokers);
  const httpPort = parsed.integer("http-port", 1, 65_535);
  if (httpPort >= basePort && httpPort < basePort + brokers)
    throw usageFailure(`--http-port ${httpPort} is one of the Kafka ports ${basePort} to ${basePort + brokers - 1}`, "start");
  // Empty, as from a variable that was never set: the folder would be the current one.
  if (parsed.text("data") === "") throw usageFailure("--data is empty", "start");
  const host = parsed.text("host");
  if (host === "") throw usageFailure("--host is empty", "start");
  const advertisedHost = parsed.advertisedHost(host);
  return {
    host,
    httpPort,
    kafkaPorts: Array.from({ length: brokers }, (_, index) => basePort + index),
    data: parsed.text("data"),
    store: parsed.oneOf("store", ["disk", "r2"]),
    bindings: {
      SETTINGS: settingsOf(parsed, brokers),
      ADVERTISED: { host: advertisedHost, basePort },
      FAULTS: { putDelayMs: parsed.integer("put-delay-ms", 0, 600_000) },
    },
  };
}

export async function run(args: readonly string[]): Promise<void> {
  const options = readOptions(args);
  const stop = toldToStop();
  checkFolder();
  await checkHost(options.host);
  await buildWhatIsStale();
  const folder = await DataFolder.open(options.data);
  const callOffs: (() => void)[] = [];
  let engine: Engine;
  let runtimePid: number | undefined;
  try {
    folder.keepStore(options.store);
    engine = await startEngine({
      ...options,
      dataFolder: folder.path,
      temporaryFolder: folder.freshTemporaryFolder(),
      onRuntime: (runtime) => {
        callOffs.push(endWithThisProcess(runtime));
        runtimePid = runtime.pid;
        if (runtime.pid !== undefined) folder.recordRuntime(runtime.pid);
      },
      // What the runtime says of itself it ends with a line of addresses in its own code.
      onLog: (_level, message) => void process.stderr.write(`${message.replace(/\nstack: .*/s, "")}\n`),
    });
  } catch (error) {
    folder.release();
    throw error;
  }
  announce(options, folder.path);
  setImmediate(() => removeTornWrites(join(folder.path, "objects"), runtimePid));
  await stop;
  await engine.stop();
  for (const callOff of callOffs) callOff();
  folder.release();
  process.exit(0);
}

/** The runtime would not start in a folder that somebody has removed. */
function checkFolder(): void {
  try {
    process.cwd();
  } catch {
    throw new Failure("the current folder is gone; start in another one");
  }
}

const hostReasons: Readonly<Record<string, string>> = {
  ENOTFOUND: "there is no such name",
  EADDRNOTAVAIL: "it is no address of this machine",
};

/** The runtime would say it in three lines of its own. */
async function checkHost(host: string): Promise<void> {
  const server = createServer();
  try {
    await once(server.listen(0, host.replace(/^\[(?<address>.*)\]$/, "$<address>")), "listening");
  } catch (error) {
    throw new Failure(`cannot listen on --host ${JSON.stringify(host)}: ${hostReasons[errorCodeOf(error)] ?? messageOf(error)}`);
  } finally {
    server.close();
  }
}

function announce(options: ReturnType<typeof readOptions>, path: string): void {
  const at = (port: number): string => `${options.host.includes(":") ? `[${options.host}]` : options.host}:${port}`;
  console.log(`Kafka on ${options.kafkaPorts.map(at).join(", ")}`);
  console.log(`HTTP  on http://${at(options.httpPort)}`);
  console.log(`data  in ${path}`);
}
