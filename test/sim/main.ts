/**
 * Runs the simulator: `npm run sim -- --seed 7 --runs 100`. Each seed is one run of producers and readers, one of a consumer group,
 * one of transactions and one of compacted partitions. A failing seed is printed with what went wrong and the command that shows it again; `--verbose` prints every event.
 */
import { parseArgs } from "node:util";
import { runCompactionScenario } from "./compaction/scenario.ts";
import { runGroupScenario } from "./group/scenario.ts";
import { runScenario } from "./scenario.ts";
import { runTransactionScenario } from "./transaction/scenario.ts";

interface Run {
  readonly violations: readonly string[];
}

const scenarios = {
  log: (seed: number, print: ((line: string) => void) | undefined): Run => {
    const verdict = runScenario({ seed, ...(print === undefined ? {} : { print }) });
    add(verdict, ["events", "crashes", "drains", "merges", "segments", "deletions", "starts", "acknowledged", "read"]);
    return verdict;
  },
  groups: (seed: number, print: ((line: string) => void) | undefined): Run => {
    const verdict = runGroupScenario({ seed, print });
    add(verdict, ["events", "kills", "commits", "assignments"]);
    return verdict;
  },
  transactions: (seed: number, print: ((line: string) => void) | undefined): Run => {
    const verdict = runTransactionScenario({ seed, print });
    add(verdict, ["events", "crashes", "committed", "aborted", "instances", "drains"]);
    return verdict;
  },
  compaction: (seed: number, print: ((line: string) => void) | undefined): Run => {
    const verdict = runCompactionScenario({ seed, print });
    add(verdict, ["events", "crashes", "acknowledged", "merges", "compactions", "sweeps", "gone", "committed", "aborted"]);
    return verdict;
  },
} as const;

const usage = "usage: npm run sim -- [--seed N] [--runs M] [--only log|groups|transactions|compaction] [--verbose]";
const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    runs: { type: "string", default: "1" },
    only: { type: "string" },
    verbose: { type: "boolean", default: false },
  },
});
const first = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
const runs = Number(values.runs);
const chosen = Object.entries(scenarios).filter(([name]) => values.only === undefined || values.only === name);
if (!Number.isInteger(first) || !Number.isInteger(runs) || runs < 1 || chosen.length === 0) {
  console.error(usage);
  process.exit(2);
}

const totals = new Map<string, number>();

function add<Name extends string>(verdict: Readonly<Record<Name, number>>, names: readonly Name[]): void {
  for (const name of names) totals.set(name, (totals.get(name) ?? 0) + verdict[name]);
}

/** A bug that throws is a finding like any other. */
function violationsOf(run: () => Run): readonly string[] {
  try {
    return run().violations;
  } catch (error) {
    return [error instanceof Error ? (error.stack ?? error.message) : String(error)];
  }
}

let failed = 0;
for (let seed = first; seed < first + runs; seed++) {
  for (const [name, scenario] of chosen) {
    const violations = violationsOf(() => scenario(seed, values.verbose ? (line) => console.log(line) : undefined));
    if (violations.length === 0) continue;
    failed += 1;
    console.log(`seed ${seed} (${name}) fails:`);
    for (const violation of violations) console.log(`  ${violation}`);
    console.log(`  again: npm run sim -- --seed ${seed} --only ${name} --verbose`);
  }
}
const summary = Array.from(totals, ([name, total]) => `${total} ${name}`).join(", ");
console.log(`seeds ${first}…${first + runs - 1}: ${summary}`);
console.log(`${runs * chosen.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
