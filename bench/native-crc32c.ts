/**
 * The CPU's own CRC-32C instruction as a yardstick: a small C program, compiled where there is a compiler and an x86-64 to run it
 * on, measured in turn with the kernels so that both see the same machine. Elsewhere there is no yardstick.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export interface NativeCrc {
  /** GB/s of one round: the instruction in one stream, and in three at once. */
  round(): Promise<{ readonly one: number; readonly three: number }>;
  close(): void;
}

export function startNativeCrc(byteLength: number): NativeCrc | string {
  if (process.arch !== "x64") return `no native CRC-32C measured: this is not x86-64 but ${process.arch}`;
  const folder = mkdtempSync(join(tmpdir(), "crc32c-"));
  const program = join(folder, "native-crc32c");
  const source = join(import.meta.dirname, "native-crc32c.c");
  const compiled = spawnSync("gcc", ["-O3", "-msse4.2", source, "-o", program]);
  if (compiled.status !== 0) {
    rmSync(folder, { recursive: true });
    return "no native CRC-32C measured: gcc is not here, or does not know SSE 4.2";
  }
  const child = spawn(program, [String(byteLength)], { stdio: ["pipe", "pipe", "ignore"] });
  return handleOf(child, folder);
}

function handleOf(child: ChildProcess, folder: string): NativeCrc {
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  return {
    async round() {
      child.stdin!.write("\n");
      const { value } = (await lines.next()) as { value: string };
      const [one = 0, three = 0] = value.split(" ").map(Number);
      return { one, three };
    },
    close() {
      child.stdin!.end();
      rmSync(folder, { recursive: true });
    },
  };
}
