/**
 * `npm run deploy`: hands the bundle to Cloudflare with wrangler. With `--dry-run` nothing leaves this machine: the bundle is checked
 * as wrangler would upload it and its size is printed, which works without a network and without an account.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const root = join(import.meta.dirname, "..");
const args = process.argv.slice(2);
const isDryRun = args.includes("--dry-run");
const wrangler = join(root, "node_modules/wrangler/bin/wrangler.js");
const extra = isDryRun && !args.includes("--outdir") ? ["--outdir", "dist/dry-run"] : [];

const { status, error } = spawnSync(process.execPath, [wrangler, "deploy", ...args, ...extra], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, WRANGLER_SEND_METRICS: "false" },
});
if (error !== undefined) console.error(`deploy: ${error.message}`);
if (isDryRun && status === 0) {
  const files = ["dist/worker.js", "dist/kernel.wasm"].map((path) => join(root, path));
  const bytes = files.reduce((sum, path) => sum + statSync(path).size, 0);
  const gzipped = files.reduce((sum, path) => sum + gzipSync(readFileSync(path)).byteLength, 0);
  console.log(`bundle: ${(bytes / 1024).toFixed(1)} KiB, ${(gzipped / 1024).toFixed(1)} KiB gzipped`);
}
process.exitCode = status ?? 1;
