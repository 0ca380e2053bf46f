/** The command line as a user runs it: exit code and output of a run that ends, and whether processes and ports are gone. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, onTestFinished } from "vitest";
import { type Running, startKante } from "../clients/kante.ts";

export const launcher = join(import.meta.dirname, "../../bin/kante.js");

/** For tests that are not about waiting: a group's first member need not wait for others. */
export const fast: readonly string[] = ["--set", "group.initial.rebalance.delay.ms=0"];

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `kante` to its end. */
export function kante(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [launcher, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}

/** A folder that is removed with everything in it when the test is over. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "kante-e2e-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A server that is ended when the test is over, however that ends. */
export async function server(options: Parameters<typeof startKante>[0]): Promise<Running> {
  const running = await startKante(options);
  onTestFinished(() => running.stop("SIGTERM"));
  return running;
}

export function portOf({ bootstrap }: Running): number {
  return Number(bootstrap.split(":")[1]);
}

export function httpPortOf({ httpUrl }: Running): number {
  return Number(new URL(httpUrl).port);
}

/** Whether somebody listens there. */
export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

export function runtimePid(folder: string): number {
  return (JSON.parse(readFileSync(join(folder, "lock"), "utf8")) as { runtime: { pid: number } }).runtime.pid;
}

/** Resolves as soon as the condition holds; the test's own time limit is the only other end. */
export async function eventually(condition: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** One server for all tests of a file: most of them need nothing of it but topics of their own. */
export function sharedServer(options: Omit<Parameters<typeof startKante>[0], "data"> = {}): () => Running {
  const folder = mkdtempSync(join(tmpdir(), "kante-e2e-"));
  let running: Running | undefined;
  beforeAll(async () => {
    running = await startKante({ ...options, data: folder });
  });
  afterAll(async () => {
    await running?.stop("SIGTERM");
    rmSync(folder, { recursive: true, force: true });
  });
  return () => running!;
}
