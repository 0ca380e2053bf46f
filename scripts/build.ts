/**
 * `npm run build`: the kernels, the Worker's bundle, the console and the client library, into dist/. `npm start` calls the same function, which does
 * nothing while dist/ is younger than every source: a start must not wait for a compiler, nor for the client library, which it does not need.
 */
import { mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const kernelOutputs = ["dist/kernel.wasm"];
const kernelSources = ["assembly", "scripts/build-kernels.ts"];
const workerOutputs = ["dist/worker.js"];
const workerSources = [
  "worker",
  "durable-objects",
  "storage",
  "core",
  "protocol",
  "kernel",
  "scripts/build-worker.ts",
  "package.json",
];
const consoleOutputs = ["dist/assets/index.html"];
const consoleSources = ["console", "client", "protocol", "kernel", "scripts/build-console.ts", "package.json"];

/** The youngest file at or below a path; 0 when there is none. */
function youngest(path: string): number {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 0;
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => youngest(join(path, name))));
}

function isFresh(outputs: readonly string[], sources: readonly string[]): boolean {
  const oldestOutput = Math.min(...outputs.map((path) => youngest(join(root, path))));
  return oldestOutput >= Math.max(...sources.map((path) => youngest(join(root, path))));
}

const clientOutputs = ["dist/client.js", "dist/client.workerd.js", "dist/client-tcp.js", "dist/types/client/tcp.d.ts"];
const clientSources = [
  "client",
  "protocol",
  "kernel",
  "scripts/build-client.ts",
  "tsconfig.client.json",
  "tsconfig.tcp.json",
  "package.json",
];

/** What `kante/client` is to those who import it. */
export async function buildClientIfStale(options: { force?: boolean } = {}): Promise<void> {
  if (options.force !== true && isFresh(clientOutputs, [...clientSources, ...kernelOutputs])) return;
  const { buildClientPackage } = await import("./build-client.ts");
  await buildClientPackage();
}

/** Compilers are imported only when something is to be compiled. */
export async function buildWhatIsStale(options: { force?: boolean } = {}): Promise<void> {
  const { force = false } = options;
  mkdirSync(join(root, "dist"), { recursive: true });
  if (force || !isFresh(kernelOutputs, kernelSources)) {
    const { buildKernels } = await import("./build-kernels.ts");
    await buildKernels();
  }
  if (force || !isFresh(workerOutputs, [...workerSources, ...kernelOutputs])) {
    const { buildWorker } = await import("./build-worker.ts");
    await buildWorker();
  }
  if (force || !isFresh(consoleOutputs, [...consoleSources, ...kernelOutputs])) {
    const { buildConsole } = await import("./build-console.ts");
    await buildConsole();
  }
}

if (import.meta.main) {
  await buildWhatIsStale({ force: true });
  await buildClientIfStale({ force: true });
}
