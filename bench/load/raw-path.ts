/** Runs the raw path (workerd/raw-worker.ts) in a runtime of its own, with the engine and the settings that Kante's server has. */
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { compatibilityDate } from "../../bin/engine.ts";
import { bundleForWorkerd } from "../../scripts/bundle-for-workerd.ts";
import { freePort, freePorts } from "../../test/clients/kante.ts";

export interface RawPath {
  readonly diskPort: number;
  readonly r2Port: number;
  /** One row in another object per message. */
  readonly lonePort: number;
  /** One object and one row for all messages that wait. */
  readonly groupsPort: number;
  /** The same, answered as Kafka would. */
  readonly kafkaPort: number;
  readonly httpPort: number;
  stop(): Promise<void>;
}

export async function startRawPath(folder: string): Promise<RawPath> {
  const contents = await bundleForWorkerd("bench/workerd/raw-worker.ts");
  const objects = join(folder, "objects");
  mkdirSync(objects, { recursive: true });
  const basePort = await freePorts(5);
  const httpPort = await freePort();
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: httpPort,
      modules: [{ type: "ESModule", path: "raw-worker.js", contents }],
      compatibilityDate,
      telemetry: { enabled: false },
      cf: false,
      logRequests: false,
      resourcePersistencePath: join(folder, "state"),
      r2Buckets: ["BUCKET"],
      durableObjects: { SINK: { className: "Sink", useSQLite: true }, ROWS: { className: "Rows", useSQLite: true } },
      serviceBindings: { DISK: { disk: { path: objects, writable: true } } },
      bindings: { BASE_PORT: basePort },
      connectHandlers: [0, 1, 2, 3, 4].map((offset) => ({
        protocol: "tcp" as const,
        port: basePort + offset,
        address: "127.0.0.1",
      })),
    }),
  );
  await miniflare.ready;
  return {
    diskPort: basePort,
    r2Port: basePort + 1,
    lonePort: basePort + 2,
    groupsPort: basePort + 3,
    kafkaPort: basePort + 4,
    httpPort,
    stop: async () => await miniflare.dispose(),
  };
}
