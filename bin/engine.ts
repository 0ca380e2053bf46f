/**
 * The local server's engine: the one file that knows Miniflare, which runs workerd with the same bundle that is deployed. It binds
 * ports, folders and settings, tells a busy port from other failures, and says which process is the runtime. Nothing here reaches
 * for the network.
 */
import type { ChildProcess } from "node:child_process";
import { subscribe } from "node:diagnostics_channel";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { Failure, errorCodeOf, messageOf } from "./failure.ts";

export interface EngineOptions {
  readonly host: string;
  /** One port per broker of the zone, in order. */
  readonly kafkaPorts: readonly number[];
  readonly httpPort: number;
  readonly dataFolder: string;
  readonly temporaryFolder: string;
  readonly store: "disk" | "r2";
  readonly bindings: Readonly<Record<string, unknown>>;
  readonly onRuntime: (runtime: ChildProcess) => void;
  readonly onLog: (level: string, message: string) => void;
}

export interface Engine {
  stop(): Promise<void>;
}

export const compatibilityDate = "2026-11-01";
/** As in wrangler.toml, which says why. */
export const compatibilityFlags = ["no_web_socket_compression"];
const dist = join(import.meta.dirname, "../dist");

export async function startEngine(options: EngineOptions): Promise<Engine> {
  process.env["CLOUDFLARE_CF_FETCH_ENABLED"] = "false";
  process.env["WRANGLER_SEND_METRICS"] = "false";
  process.env["TMPDIR"] = options.temporaryFolder;
  const { Miniflare, NoOpLog, convertV4MiniflareOptions } = await import("miniflare");
  subscribe("child_process", (message) => {
    const { process: child } = message as { process: ChildProcess };
    // The name is set before the channel speaks, the process id right after.
    process.nextTick(() => {
      if (basename(child.spawnfile ?? "").startsWith("workerd") && child.pid !== undefined) options.onRuntime(child);
    });
  });
  const restoreSignals = keepSignals();
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      // Miniflare's own door stands before the Worker and compresses WebSockets whatever the Worker says; nobody is sent to it.
      host: "127.0.0.1",
      port: 0,
      unsafeDirectSockets: [{ host: options.host, port: options.httpPort }],
      cf: false,
      telemetry: { enabled: false },
      log: new NoOpLog(),
      logRequests: false,
      handleStructuredLogs: (line) => options.onLog(line.level, line.message),
      resourcePersistencePath: join(options.dataFolder, "state"),
      name: "kante",
      compatibilityDate,
      compatibilityFlags,
      modules: [
        { type: "ESModule", path: "worker.js", contents: readFileSync(join(dist, "worker.js"), "utf8") },
        { type: "CompiledWasm", path: "kernel.wasm", contents: readFileSync(join(dist, "kernel.wasm")) },
      ],
      durableObjects: {
        BROKER: { className: "Broker", useSQLite: true },
        LEADER: { className: "Leader", useSQLite: true },
        MERGER: { className: "Merger", useSQLite: true },
        CONTROLLER: { className: "Controller", useSQLite: true },
        GROUP: { className: "Group", useSQLite: true },
        TRANSACTION: { className: "Transaction", useSQLite: true },
      },
      // Miniflare's own assets would put a Worker of theirs before every request, and before every WebSocket.
      serviceBindings: {
        ASSETS: { disk: { path: join(dist, "assets"), writable: false } },
        ...(options.store === "disk" && { DISK: { disk: { path: join(options.dataFolder, "objects"), writable: true } } }),
      },
      ...(options.store === "r2" && { r2Buckets: { BUCKET: "kante" } }),
      bindings: options.bindings,
      connectHandlers: options.kafkaPorts.map((port) => ({ protocol: "tcp", port, address: options.host })),
    } as Parameters<typeof convertV4MiniflareOptions>[0]),
  );
  restoreSignals();
  try {
    await miniflare.ready;
  } catch (error) {
    await miniflare.dispose().catch(() => {});
    throw failureOf(error, options);
  }
  return { stop: async () => await miniflare.dispose() };
}

/** Miniflare ends the process at a signal, before anything could be put in order: its listeners are taken away again. */
function keepSignals(): () => void {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const before = new Map(signals.map((signal) => [signal, process.listeners(signal)]));
  return () => {
    for (const signal of signals)
      for (const listener of process.listeners(signal)) if (!before.get(signal)?.includes(listener)) process.off(signal, listener);
  };
}

/** The runtime names a busy TCP listener by its socket, `connect:0:tcp:<port>`, and the HTTP listener by its address. */
function failureOf(error: unknown, options: EngineOptions): Failure {
  if (errorCodeOf(error) === "ERR_ADDRESS_IN_USE") {
    const kafkaPort = /tcp:(?<port>\d+)/.exec(messageOf(error))?.groups?.["port"];
    const [what, port, flag] =
      kafkaPort === undefined ? ["HTTP", options.httpPort, "http-port"] : ["Kafka", kafkaPort, "kafka-port"];
    return new Failure(`port ${port} on ${options.host} (${what}) is in use by another process; choose another with --${flag}`);
  }
  const lines = messageOf(error).split("\n");
  const reason =
    lines.find((line) => /error|failed:|exception/i.test(line) && !line.startsWith("The Workers runtime")) ?? lines[0] ?? "";
  return new Failure(`the Workers runtime did not start: ${reason.trim()}`);
}
