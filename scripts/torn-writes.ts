/**
 * The disk service writes beside the target and renames. A server that is killed in mid-put leaves the half-written file behind,
 * hidden, out of reach of the service itself, up to 8 MiB each: whoever starts the server sweeps up after the one before.
 */
import { readdirSync, rmSync, type Dirent } from "node:fs";
import { join } from "node:path";

/** `.<name>.<pid>.<count>.tmp`; no object's name begins with a dot. */
const tornWrite = /^\..+\.(?<pid>\d+)\.\d+\.tmp$/;

/** What the process `living` is writing at this moment stays. Answers how many files it removed; a folder that doesn't exist has none. */
export function removeTornWrites(folder: string, living: number | undefined): number {
  let removed = 0;
  for (const entry of entriesOf(folder)) {
    const pid = entry.isFile() ? tornWrite.exec(entry.name)?.groups?.["pid"] : undefined;
    if (pid === undefined || Number(pid) === living) continue;
    rmSync(join(entry.parentPath, entry.name));
    removed++;
  }
  return removed;
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
