/**
 * Merging: how fast a merger copies, against the bare GETs and PUTs that any merge of the same objects needs, and what an hour of a busy
 * cell leaves behind, on a virtual clock: extents, what a catch-up read costs before and after, and how often a byte was written.
 */
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compatibilityDate } from "../bin/engine.ts";
import { MemoryCoordinator } from "../core/cell/memory-coordinator.ts";
import { windowsOf } from "../core/merge/windows.ts";
import { settingDefaults } from "../core/settings.ts";
import { bundleForWorkerd } from "../scripts/bundle-for-workerd.ts";
import { Chain, createTime, plain } from "../test/contract/commits.ts";
import type { BenchOptions, Row } from "./row.ts";
import { median } from "./statistics.ts";
import type { MergeRun } from "./workerd/merge-run.ts";

const storeNames = { disk: "disk service", r2: "simulated R2" } as const;

export async function run(options: BenchOptions, note: (text: string) => void): Promise<Row[]> {
  return [...(await throughput(options)), ...(await hour(options, note))];
}

async function throughput({ quick }: BenchOptions): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), "kante-bench-merge-"));
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      modules: [
        { type: "ESModule", path: "merge-worker.js", contents: await bundleForWorkerd("bench/workerd/merge-worker.ts") },
        { type: "CompiledWasm", path: "kernel.wasm", contents: readFileSync(join(import.meta.dirname, "../dist/kernel.wasm")) },
      ],
      compatibilityDate,
      telemetry: { enabled: false },
      cf: false,
      r2Buckets: ["BUCKET"],
      durableObjects: { RUNNER: { className: "Runner", useSQLite: true } },
      serviceBindings: { DISK: { disk: { path: folder, writable: true } } },
    }),
  );
  try {
    const rows: Row[] = [];
    for (const store of ["disk", "r2"] as const) {
      for (const [what, shape] of [
        ["64 MiB of 1 MiB objects", { objects: 64, partitions: 100, batchBytes: 10_400 }],
        ["12 MiB of 100 KiB objects", { objects: 120, partitions: 100, batchBytes: 950 }],
      ] as const) {
        const rates = await rateOf(miniflare, { store, ...shape }, quick ? 2 : 5);
        rows.push({
          name: `${storeNames[store]}: merge of ${what}`,
          value: rates.merge,
          unit: "MB/s",
          ratio: rates.merge / rates.bare,
          against: "its bare GETs and PUTs",
          budget: { of: "ratio", atLeast: 0.5 },
        });
      }
    }
    return rows;
  } finally {
    await miniflare.dispose();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Bare and merge take turns, so that what else the machine does hits both. */
async function rateOf(
  miniflare: Miniflare,
  shape: Pick<MergeRun, "store" | "objects" | "partitions" | "batchBytes">,
  rounds: number,
): Promise<{ readonly bare: number; readonly merge: number }> {
  const send = async (
    operation: MergeRun["operation"],
    round: number,
  ): Promise<{ readonly bytes: number; readonly ms: number }> => {
    const start = performance.now();
    const response = await miniflare.dispatchFetch("http://bench/", {
      method: "POST",
      body: JSON.stringify({ ...shape, operation, round }),
    });
    if (!response.ok) throw new Error(await response.text());
    return { bytes: (await response.json()) as number, ms: performance.now() - start };
  };
  await send("prepare", 0);
  const spent = { bare: 0, merge: 0 };
  let bytes = 0;
  for (let round = 0; round <= rounds; round++) {
    for (const operation of ["bare", "merge"] as const) {
      const result = await send(operation, round + 1);
      if (round === 0) continue;
      spent[operation] += result.ms;
      if (operation === "merge") bytes += result.bytes;
    }
  }
  return { bare: bytes / 1e3 / spent.bare, merge: bytes / 1e3 / spent.merge };
}

const partitionCount = 1000;
const perSecond = 2;

/** Two write-ahead objects a second, each with a batch of every partition. */
async function hour({ quick }: BenchOptions, note: (text: string) => void): Promise<Row[]> {
  const minutes = quick ? 5 : 60;
  const topicId = "b1946ac9-2c5d-4f0e-9d5c-9b7f0e2c1a55";
  const refs = Array.from({ length: partitionCount }, (_, partition) => ({ topicId, partition }));
  let nowMs = 1_700_000_000_000;
  const coordinator = new MemoryCoordinator({ now: () => nowMs, settings: settingDefaults });
  await coordinator.createPartitions(refs, createTime);
  const chain = new Chain(3, 17);
  const totals = { produced: 0, written: 0, gets: 0, claims: 0 };
  const planMs: number[] = [];
  for (let commit = 0; commit < minutes * 60 * perSecond; commit++) {
    nowMs += 1000 / perSecond;
    const parts = refs.map((ref) => [ref, [plain(1, { size: 1000, maxTimestamp: nowMs })]] as const);
    const reply = coordinator.commitNow(chain.object(parts));
    if (reply.kind !== "committed") throw new Error(`commit ${commit}: ${reply.kind}`);
    totals.produced += partitionCount * 1000;
    if ((coordinator.cell.mergeDueMs(nowMs) ?? Infinity) > nowMs) continue;
    for (;;) {
      const begun = process.threadCpuUsage();
      const claimed = coordinator.claimMergeNow();
      const { user, system } = process.threadCpuUsage(begun);
      planMs.push((user + system) / 1000);
      if (claimed.kind !== "claimed") break;
      totals.claims += 1;
      for (const { reads } of windowsOf(claimed.claim.inputs)) totals.gets += reads.length;
      for (const { byteLength } of claimed.claim.inputs) totals.written += byteLength;
      if (coordinator.commitMergeNow(claimed.claim.number).kind !== "committed") throw new Error("a merge was lost");
    }
  }
  const before = minutes * 60 * perSecond;
  const { extents } = coordinator.cell.findBatches([{ ...refs[500]!, offset: 0, maxBytes: 1e12 }]).results[0]!;
  const after = coordinator.cell.extentCount / partitionCount;
  let resting = (coordinator.rows.snapshot?.chunks ?? []).reduce((sum, { byteLength }) => sum + byteLength, 0);
  for (const { entry } of coordinator.rows.journal.values()) resting += entry.byteLength;
  note(
    `${totals.claims} merges in ${minutes} minutes, ${(totals.gets / totals.claims).toFixed(0)} GETs each; a look-up answers at most 512 extents`,
  );
  return [
    {
      name: `extents per partition after ${minutes} minutes at 2 objects a second × 1 000 partitions`,
      value: after,
      unit: "extents",
      ratio: before / after,
      against: "without merging",
      budget: { of: "value", atMost: 256 },
    },
    {
      name: "GETs of a catch-up read of one partition, after merging",
      value: extents.length,
      unit: "GETs",
      ratio: before / extents.length,
      against: "before merging",
    },
    {
      name: "bytes written by mergers for each byte produced",
      value: totals.written / totals.produced,
      unit: "×",
      budget: { of: "value", atMost: 4 },
    },
    {
      name: `metadata at rest after ${minutes} minutes, batches of 1 000 B`,
      value: (resting / totals.produced) * 100,
      unit: "% of the data",
      ...(quick ? {} : { budget: { of: "value" as const, atMost: 0.1 } }),
    },
    { name: "GETs of mergers for each write-ahead object", value: totals.gets / before, unit: "GETs" },
    {
      name: "planning a claim of up to 16 500 extents (the leader's thread works for it), half of them within",
      value: median(planMs),
      unit: "ms",
      budget: { of: "value", atMost: 5 },
    },
  ];
}
