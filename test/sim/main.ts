/**
 * Runs the simulator: `npm run sim -- --seed 7 --runs 100`. A failing seed is printed with what went wrong and the command that
 * shows it again; `--verbose` prints every event of the run.
 */
import { parseArgs } from "node:util";
import { runScenario } from "./scenario.ts";

const { values } = parseArgs({
  options: { seed: { type: "string" }, runs: { type: "string", default: "1" }, verbose: { type: "boolean", default: false } },
});
const first = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
const runs = Number(values.runs);
if (!Number.isInteger(first) || !Number.isInteger(runs) || runs < 1) {
  console.error("usage: npm run sim -- [--seed N] [--runs M] [--verbose]");
  process.exit(2);
}

let failed = 0;
const totals = { events: 0, acknowledged: 0, read: 0, crashes: 0, drains: 0 };
for (let seed = first; seed < first + runs; seed++) {
  const verdict = runScenario({ seed, print: values.verbose ? (line) => console.log(line) : undefined });
  totals.events += verdict.events;
  totals.acknowledged += verdict.acknowledged;
  totals.read += verdict.read;
  totals.crashes += verdict.crashes;
  totals.drains += verdict.drains;
  if (verdict.violations.length === 0) continue;
  failed += 1;
  console.log(`seed ${seed} fails:`);
  for (const violation of verdict.violations) console.log(`  ${violation}`);
  console.log(`  again: npm run sim -- --seed ${seed} --verbose`);
}
console.log(
  `seeds ${first}…${first + runs - 1}: ${totals.events} events, ${totals.crashes} crashes, ${totals.drains} drains, ${totals.acknowledged} batches acknowledged, ${totals.read} records read`,
);
console.log(`${runs - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
