/** The real server for the time of a bench, in a folder that goes with it, and its own figures. */
import { mkdtempSync, readdirSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Running, startKante } from "../../test/clients/kante.ts";

export interface BenchServer {
  readonly port: number;
  readonly httpPort: number;
  readonly bootstrap: string;
  readonly httpUrl: string;
  readonly folder: string;
  readonly running: Running;
}

/**
 * Empties the objects of the last run. The first use of a page of memory is what a write into a fresh file costs most on a virtual machine,
 * and what the last run wrote is still on its way to the disk while the next one is measured: with pages that were used before and nothing
 * to write back, the runs are measured and not the host. The files stay, because a file system looks long for room among those that have
 * just gone.
 */
export function emptyObjects(folder: string): void {
  for (const entry of readdirSync(join(folder, "objects"), { recursive: true, withFileTypes: true }))
    if (entry.isFile()) truncateSync(join(entry.parentPath, entry.name), 0);
}

export async function withFolder<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), "kante-bench-"));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export async function withKante<Result>(
  options: { readonly brokers?: number; readonly args?: readonly string[] },
  work: (server: BenchServer) => Promise<Result>,
): Promise<Result> {
  return await withFolder(async (folder) => {
    const running = await startKante({ data: folder, ...options, args: ["--log-level", "error", ...(options.args ?? [])] });
    const { bootstrap, httpUrl } = running;
    try {
      return await work({
        port: Number(bootstrap.split(":")[1]),
        httpPort: Number(httpUrl.split(":")[2]),
        bootstrap,
        httpUrl,
        folder,
        running,
      });
    } finally {
      await running.stop();
    }
  });
}

/** The sum of all series of each name. */
export async function readMetrics(httpUrl: string): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`${httpUrl}/metrics`)).text();
  const sums = new Map<string, number>();
  for (const line of text.split("\n")) {
    const match = /^(?<name>\w+)(?:\{.*\})? (?<value>\S+)$/.exec(line);
    const { name, value } = match?.groups ?? {};
    if (name !== undefined) sums.set(name, (sums.get(name) ?? 0) + Number(value));
  }
  return sums;
}

/** How a figure changed; one that went back belongs to an object that began anew, and all of it is new. */
export function change(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>, name: string): number {
  const [from, to] = [before.get(name) ?? 0, after.get(name) ?? 0];
  return to < from ? to : to - from;
}
