/**
 * The bare rates of the object stores, through our ObjectStore and inside workerd: what every sustained produce is measured
 * against. Sizes are those of write-ahead objects; three calls at once, as a broker has.
 */
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compatibilityDate } from "../bin/engine.ts";
import { bundleForWorkerd } from "../scripts/bundle-for-workerd.ts";
import type { BenchOptions, Row } from "./row.ts";
import type { StoreRun } from "./workerd/store-run.ts";

const mebibyte = 1024 * 1024;
const storeNames = { disk: "disk service", r2: "simulated R2" } as const;

export async function run({ quick }: BenchOptions): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), "kante-bench-store-"));
  const miniflare = await startWorker(folder);
  const share = quick ? 4 : 1;
  try {
    const rows: Row[] = [];
    for (const store of ["disk", "r2"] as const) {
      for (const size of [4, 8]) rows.push(...(await measure(miniflare, store, size, (store === "disk" ? 768 : 256) / share)));
      rows.push(await smallPuts(miniflare, store));
    }
    return rows;
  } finally {
    await miniflare.dispose();
    rmSync(folder, { recursive: true, force: true });
  }
}

export interface StoreBench {
  /** MB a second of bare PUTs, three at once. */
  putRate(store: StoreRun["store"], mebibytes: number, bytes: number): Promise<number>;
  stop(): Promise<void>;
}

/** The bare store for others to compare with, in a runtime of its own. */
export async function startStoreBench(): Promise<StoreBench> {
  const folder = mkdtempSync(join(tmpdir(), "kante-bench-store-"));
  const miniflare = await startWorker(folder);
  return {
    putRate: async (store, mebibytes, bytes) => {
      const count = Math.ceil(bytes / (mebibytes * mebibyte));
      const run = { store, byteLength: mebibytes * mebibyte, lanes: 3, name: "bare", count };
      const { moved, ms } = await timed(miniflare, { ...run, operation: "put" });
      await timed(miniflare, { ...run, operation: "delete" });
      return moved / 1e6 / (ms / 1000);
    },
    stop: async () => {
      await miniflare.dispose();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function measure(miniflare: Miniflare, store: StoreRun["store"], size: number, totalMebibytes: number): Promise<Row[]> {
  const base = { store, byteLength: size * mebibyte, lanes: 3, name: `of-${size}` };
  const count = totalMebibytes / size;
  await timed(miniflare, { ...base, operation: "put", count: 6 });
  const put = await timed(miniflare, { ...base, operation: "put", count });
  const get = await timed(miniflare, { ...base, operation: "get", count });
  await timed(miniflare, { ...base, operation: "delete", count });
  const rate = ({ moved, ms }: Timing): number => moved / 1e6 / (ms / 1000);
  return [
    { name: `${storeNames[store]}: put ${size} MiB`, value: rate(put), unit: "MB/s" },
    { name: `${storeNames[store]}: get ${size} MiB`, value: rate(get), unit: "MB/s" },
  ];
}

async function smallPuts(miniflare: Miniflare, store: StoreRun["store"]): Promise<Row> {
  const base = { store, byteLength: 1024, lanes: 1, name: "small" };
  await timed(miniflare, { ...base, operation: "put", count: 50 });
  const { ms } = await timed(miniflare, { ...base, operation: "put", count: 500 });
  return { name: `${storeNames[store]}: put 1 KiB, one after the other`, value: ms / 500, unit: "ms" };
}

interface Timing {
  readonly moved: number;
  readonly ms: number;
}

async function timed(miniflare: Miniflare, request: StoreRun): Promise<Timing> {
  const start = performance.now();
  const response = await miniflare.dispatchFetch("http://bench/", { method: "POST", body: JSON.stringify(request) });
  const text = await response.text();
  const ms = performance.now() - start;
  const expected = request.operation === "delete" ? 0 : request.count * request.byteLength;
  if (!response.ok || Number(text) !== expected) throw new Error(`${request.operation} on ${request.store}: ${text}`);
  return { moved: Number(text), ms };
}

async function startWorker(folder: string): Promise<Miniflare> {
  const contents = await bundleForWorkerd("bench/workerd/store-worker.ts");
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      modules: [{ type: "ESModule", path: "store-worker.js", contents }],
      compatibilityDate,
      telemetry: { enabled: false },
      cf: false,
      r2Buckets: ["BUCKET"],
      durableObjects: { RUNNER: { className: "Runner", useSQLite: true } },
      serviceBindings: { DISK: { disk: { path: folder, writable: true } } },
    }),
  );
  await miniflare.ready;
  return miniflare;
}
