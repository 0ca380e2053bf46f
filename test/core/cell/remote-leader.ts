/** The Node side of leaders that run in a real workerd: each call is one request to leader-worker.ts. */
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import type { ChildProcess } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compatibilityDate } from "../../../bin/engine.ts";
import type { CommitRequest } from "../../../core/coordinator.ts";
import { OperatingError, type OperatingErrorKind } from "../../../core/operating-error.ts";
import type { Settings } from "../../../core/settings.ts";
import { bundleForWorkerd } from "../../../scripts/bundle-for-workerd.ts";
import { decodeAnswer, encodeCall, type LeaderCalls, type RemoteCall } from "./workerd/wire.ts";

export interface RemoteLeader {
  readonly coordinator: LeaderCalls;
  /** Loses all that the leader holds in memory. */
  restart(): Promise<void>;
  /** Who waits in a follow. */
  followers(): Promise<number>;
  /** Writes the commit's row and dies so many turns later. */
  commitAndCrash(request: CommitRequest, turns: number): Promise<void>;
  tables(): Promise<{ readonly journal: number; readonly inline: number; readonly snapshot: number }>;
}

export interface LeaderServer {
  cell(cell: number): RemoteLeader;
  /** Ends workerd as a crash would. Start another on the same `root` to see what is left. */
  kill(): Promise<void>;
  close(): Promise<void>;
}

const repository = join(import.meta.dirname, "../../..");

export function temporaryRoot(): string {
  return mkdtempSync(join(tmpdir(), "kante-leader-"));
}

export async function startLeaderServer(settings: Partial<Settings>, root = temporaryRoot()): Promise<LeaderServer> {
  const children: ChildProcess[] = [];
  const onChild = (message: unknown): unknown => children.push((message as { process: ChildProcess }).process);
  subscribe("child_process", onChild);
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      modules: [
        { type: "ESModule", path: "leader-worker.js", contents: await bundleForWorkerd("test/core/cell/workerd/leader-worker.ts") },
        { type: "CompiledWasm", path: "kernel.wasm", contents: readFileSync(join(repository, "dist/kernel.wasm")) },
      ],
      compatibilityDate,
      telemetry: { enabled: false },
      cf: false,
      resourcePersistencePath: root,
      durableObjects: { LEADER: { className: "Leader", useSQLite: true } },
      bindings: { SETTINGS: { "log.level": "error", ...settings } },
    }),
  );
  await miniflare.ready;
  unsubscribe("child_process", onChild);
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
      followers: async () => (await send({ cell, name: "followers", args: [] })) as number,
      commitAndCrash: async (request, turns) => void (await send({ cell, name: "commitAndCrash", args: [request, turns] })),
      tables: async () => (await send({ cell, name: "tables", args: [] })) as Awaited<ReturnType<RemoteLeader["tables"]>>,
    }),
    async kill() {
      if (children.length !== 1) throw new Error(`one workerd was expected, not ${children.length} processes`);
      children[0]!.kill("SIGKILL");
      await miniflare.dispose().catch(() => {});
    },
    async close() {
      await miniflare.dispose();
      rmSync(root, { recursive: true, force: true });
    },
  };
}
