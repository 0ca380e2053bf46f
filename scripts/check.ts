/**
 * Everything a machine can say about the house without running it: format, lint, types for each runtime, dead code, the tables of
 * docs/COMPATIBILITY.md, room rules.
 * Runs every check even after one has failed, so one run shows all there is to mend.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const bin = join(root, "node_modules/.bin");
const checks: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ["format", join(bin, "oxfmt"), "--check", "."],
  ["lint", join(bin, "oxlint"), "--deny-warnings", "."],
  ["types: pure", join(bin, "tsc"), "-p", "tsconfig.pure.json"],
  ["types: worker", join(bin, "tsc"), "-p", "tsconfig.worker.json"],
  ["types: node", join(bin, "tsc"), "-p", "tsconfig.node.json"],
  ["types: client", join(bin, "tsc"), "-p", "tsconfig.client.json"],
  ["types: console", join(bin, "tsc"), "-p", "tsconfig.console.json"],
  ["dead code", join(bin, "knip"), "--no-progress"],
  ["compatibility page", process.execPath, join(root, "scripts/compatibility.ts")],
  ["tidy", process.execPath, join(root, "scripts/tidy.ts")],
];

let failed = 0;
for (const [name, command, ...args] of checks) {
  const result = spawnSync(command, args, { cwd: root, encoding: "utf8" });
  const ok = result.status === 0;
  console.log(`${ok ? "ok  " : "FAIL"} ${name}`);
  if (!ok) {
    failed += 1;
    console.log(`${result.stdout}${result.stderr}`.trimEnd());
  }
}
console.log(`check: ${checks.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
