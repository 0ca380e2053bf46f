#!/usr/bin/env node
// The command `kante`. It runs on any Node from 20 on: the rest is TypeScript, which needs the Node that comes with the `node`
// package, so this file finds that one and hands over. It passes signals and the exit code on, and takes the server with it when it dies.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const cli = new URL("./cli.ts", import.meta.url);
const runsTypeScript = Number(process.versions.node.split(".")[0]) >= 24;

if (!existsSync(fileURLToPath(cli))) {
  console.error("kante: the installed package is the client library; the server and the bridge run from a clone of the repository");
  process.exit(1);
}
if (runsTypeScript) await import(cli.href);
else handOver(bundledNode());

function bundledNode() {
  try {
    const folder = dirname(createRequire(import.meta.url).resolve("node/package.json"));
    const path = join(folder, "bin", process.platform === "win32" ? "node.exe" : "node");
    if (existsSync(path)) return path;
  } catch {
    // Not installed: said below.
  }
  console.error(`kante: needs Node 24 (this is ${process.version}); run \`npm ci\` to get it as a dependency`);
  process.exit(1);
}

function handOver(node) {
  // Descriptor 3 is a pipe that closes when this process dies, however it dies: then the other one stops too.
  const child = spawn(node, [fileURLToPath(cli), ...process.argv.slice(2)], {
    stdio: ["inherit", "inherit", "inherit", "pipe"],
    env: { ...process.env, KANTE_PARENT_PIPE: "3" },
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    console.error(`kante: cannot run ${node}: ${error.message}`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}
