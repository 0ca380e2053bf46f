/** The Node side of leaders that run in a real workerd: each call is one request to leader-worker.ts. */
import { build } from "esbuild";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OperatingError, type OperatingErrorKind } from "../../../core/operating-error.ts";
import type { Settings } from "../../../core/settings.ts";
import { decodeAnswer, encodeCall, type LeaderCalls, type RemoteCall } from "./workerd/wire.ts";

export interface RemoteLeader {
  readonly coordinator: LeaderCalls;
  /** Loses all that the leader holds in memory. */
  restart(): Promise<void>;
  tables(): Promise<{ readonly journal: number; readonly inline: number; readonly snapshot: number }>;
}

export interface LeaderServer {
  cell(cell: number): RemoteLeader;
  close(): Promise<void>;
}

export async function startLeaderServer(settings: Partial<Settings>): Promise<LeaderServer> {
  const root = mkdtempSync(join(tmpdir(), "kante-leader-"));
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      modules: [{ type: "ESModule", path: "leader-worker.js", contents: await bundle("test/core/cell/workerd/leader-worker.ts") }],
      compatibilityDate: "2026-11-01",
      telemetry: { enabled: false },
      cf: false,
      resourcePersistencePath: root,
      durableObjects: { LEADER: { className: "Leader", useSQLite: true } },
      bindings: { SETTINGS: { "log.level": "error", ...settings } },
    }),
  );
  await miniflare.ready;
  const send = async (call: RemoteCall): Promise<unknown> => {
    const response = await miniflare.dispatchFetch("http://leader/", { method: "POST", body: encodeCall(call) });
    const text = await response.text();
    if (response.status === 200) return decodeAnswer(text);
    const { kind, message } = JSON.parse(text) as { kind?: OperatingErrorKind; message: string };
    throw kind === undefined ? new Error(message) : new OperatingError(kind, message);
  };
  return {
    cell: (cell) => ({
      coordinator: new Proxy({} as LeaderCalls, {
        get:
          (_, name: keyof LeaderCalls) =>
          async (...args: unknown[]) =>
            await send({ cell, name, args }),
      }),
      restart: async () => void (await send({ cell, name: "crash", args: [] })),
      tables: async () => (await send({ cell, name: "tables", args: [] })) as Awaited<ReturnType<RemoteLeader["tables"]>>,
    }),
    async close() {
      await miniflare.dispose();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** One module, as workerd takes it. The path is from the root of the repository. */
async function bundle(entry: string): Promise<string> {
  const result = await build({
    entryPoints: [entry],
    absWorkingDir: join(import.meta.dirname, "../../.."),
    bundle: true,
    write: false,
    format: "esm",
    target: "es2024",
    conditions: ["workerd"],
    external: ["cloudflare:*"],
    logLevel: "error",
  });
  return result.outputFiles[0]!.text;
}
