/**
 * `npm run bench`: builds what it needs, runs the benches one after the other and prints a table with a ratio for every claim.
 * A budget that is missed is a word in the table; only a bench that breaks makes the exit code 1.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildWhatIsStale } from "../scripts/build.ts";
import type { BenchOptions, Row } from "./row.ts";
import { verdictOf } from "./row.ts";
import { Skipped } from "./skipped.ts";
import { type Section, renderText, writeFigures } from "./table.ts";

type Bench = (options: BenchOptions, note: (text: string) => void) => Promise<readonly Row[]>;

/** In the order of the page. Imported when run: a bench that cannot be loaded must not keep the others from running. */
const benches: Readonly<Record<string, () => Promise<{ run: Bench }>>> = {
  kernels: async () => await import("./kernels.ts"),
  codec: async () => await import("./codec.ts"),
  leader: async () => await import("./leader.ts"),
  stores: async () => await import("./storage.ts"),
  merge: async () => await import("./merge.ts"),
  compaction: async () => await import("./compaction.ts"),
  groups: async () => await import("./groups.ts"),
  transactions: async () => await import("./transactions.ts"),
  latency: async () => await import("./latency.ts"),
  throughput: async () => await import("./throughput.ts"),
  fetch: async () => await import("./fetch.ts"),
  "wake-up": async () => await import("./wake-up.ts"),
  isolation: async () => await import("./isolation.ts"),
  client: async () => await import("./client.ts"),
  "apache-kafka": async () => await import("./apache-kafka.ts"),
  "start-up": async () => await import("./start-up.ts"),
  cost: async () => await import("./cost.ts"),
  idle: async () => await import("./idle.ts"),
};

const page = join(import.meta.dirname, "../docs/PERFORMANCE.md");

async function runBench(bench: string, options: BenchOptions): Promise<Section & { readonly broke: boolean }> {
  const notes: string[] = [];
  try {
    const { run } = await benches[bench]!();
    return { bench, rows: await run(options, (text) => notes.push(text)), notes, broke: false };
  } catch (error) {
    if (error instanceof Skipped) return { bench, rows: [], notes: [`skipped: ${error.message}`], broke: false };
    notes.push(`broke: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return { bench, rows: [], notes, broke: true };
  }
}

function chosen(only: string | undefined): string[] {
  if (only === undefined) return Object.keys(benches);
  const names = only.split(",");
  const unknown = names.filter((name) => !Object.hasOwn(benches, name));
  if (unknown.length > 0) throw new Error(`no bench ${unknown.join(", ")}; there are ${Object.keys(benches).join(", ")}`);
  return names;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { only: { type: "string" }, quick: { type: "boolean" }, write: { type: "boolean" }, help: { type: "boolean" } },
  });
  if (values.help) {
    console.log("npm run bench -- [--only name,name] [--quick] [--write]");
    console.log(`benches: ${Object.keys(benches).join(", ")}`);
    return;
  }
  const names = chosen(values.only);
  await buildWhatIsStale();
  const [cpu] = cpus();
  console.log(`${cpus().length} × ${cpu?.model ?? "unknown"}, Node ${process.version}\n`);
  const sections: (Section & { readonly broke: boolean })[] = [];
  for (const name of names) {
    const startedMs = performance.now();
    const section = await runBench(name, { quick: values.quick ?? false });
    sections.push(section);
    console.log(`${renderText(section)}\n  ${((performance.now() - startedMs) / 1000).toFixed(0)} s\n`);
  }
  const verdicts = sections.flatMap(({ rows }) => rows.map(verdictOf));
  const count = (verdict: string): number => verdicts.filter((one) => one === verdict).length;
  console.log(`budgets: ${count("met")} met, ${count("missed")} missed`);
  if (values.write) {
    const sound = sections.filter(({ broke }) => !broke);
    writeFileSync(page, writeFigures(readFileSync(page, "utf8"), sound));
  }
  process.exitCode = sections.some(({ broke }) => broke) ? 1 : 0;
}

await main();
