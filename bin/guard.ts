/**
 * Nobody outlives anybody. The runtime is ended when this process dies, even by kill -9: a waiting shell holds the other end of a
 * pipe and kills it when the pipe closes. And this process ends when the one that started it is gone.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { Socket } from "node:net";

/** Answers how to call the guard off. It runs in its own session, so that Ctrl-C at a terminal does not reach it. */
export function endWithThisProcess(runtime: ChildProcess): () => void {
  if (runtime.pid === undefined || process.platform === "win32") return () => {};
  const guard = spawn("/bin/sh", ["-c", 'read -r _; kill -9 "$1" 2>/dev/null', "kante-guard", String(runtime.pid)], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  guard.on("error", () => {});
  guard.unref();
  const callOff = (): void => {
    guard.kill("SIGKILL");
  };
  runtime.once("exit", callOff);
  return callOff;
}

/** How often the parent is looked at when the only sign of its death is a new parent. */
const parentCheckMs = 200;

/** Resolves at the first signal to end, or when the parent is gone. */
export function toldToStop(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => resolve());
    whenParentDies(resolve);
  });
}

function whenParentDies(stop: () => void): void {
  const descriptor = Number(process.env["KANTE_PARENT_PIPE"] ?? "");
  if (descriptor > 0) {
    delete process.env["KANTE_PARENT_PIPE"];
    const pipe = new Socket({ fd: descriptor });
    pipe.on("error", stop);
    pipe.on("close", stop);
    pipe.resume();
    pipe.unref();
  } else if (process.env["npm_lifecycle_event"] !== undefined) {
    // Under npm the person sees npm's process and kills that one.
    const starters = startersOf();
    setInterval(() => {
      if (startersOf() !== starters) stop();
    }, parentCheckMs).unref();
  }
}

/** The parent, and npm's own process where npm's shell stands between: what changes when one of them dies. */
function startersOf(): string {
  const parent = process.ppid;
  try {
    const isShell = readFileSync(`/proc/${parent}/cmdline`, "latin1").split("\0")[1] === "-c";
    return isShell
      ? `${parent} ${/^PPid:\s+(?<pid>\d+)/m.exec(readFileSync(`/proc/${parent}/status`, "latin1"))?.groups?.["pid"] ?? ""}`
      : String(parent);
  } catch {
    return String(parent);
  }
}
