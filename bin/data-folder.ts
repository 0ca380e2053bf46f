/**
 * The data folder belongs to one server at a time: a file in it names the processes that hold it. A file left behind by a server
 * that was killed is taken over, and a runtime that outlived its launcher is ended first, for it would still write.
 */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Failure, errorCodeOf, messageOf } from "./failure.ts";
import { type ProcessIdentity, identify, stillRuns } from "./process-identity.ts";

interface Holder {
  readonly launcher: ProcessIdentity;
  readonly runtime?: ProcessIdentity;
}

/** A server that is just being killed gets this long to let go of the folder. */
const patienceMs = 3000;
const retryMs = 100;

export class DataFolder {
  readonly path: string;
  readonly #lockPath: string;

  private constructor(path: string) {
    this.path = path;
    this.#lockPath = join(path, "lock");
  }

  static async open(folder: string): Promise<DataFolder> {
    const data = new DataFolder(resolve(folder));
    try {
      for (const part of ["objects", "state"]) makeFolder(join(data.path, part));
      for (let waitedMs = 0; !data.#tryLock(); waitedMs += retryMs) {
        const holder = data.#holder();
        if (waitedMs >= patienceMs)
          throw new Failure(`${data.path} is in use by another server (process ${holder?.launcher.pid ?? "unknown"})`);
        await sleep(retryMs);
      }
    } catch (error) {
      if (error instanceof Failure) throw error;
      throw new Failure(`cannot write to the data folder ${data.path}: ${reasonOf(error)}`);
    }
    return data;
  }

  /** Objects written to one kind of store are not found in another: the first start decides for the folder. */
  keepStore(store: string): void {
    const path = join(this.path, "store");
    const kept = statSync(path, { throwIfNoEntry: false }) === undefined ? undefined : readFileSync(path, "utf8").trim();
    if (kept === undefined) writeFileSync(path, `${store}\n`);
    else if (kept !== store)
      throw new Failure(`${this.path} was written with --store ${kept}; start it with that, or choose another --data`);
  }

  /** For what the engine throws away; emptied here too, because a killed engine leaves it behind. */
  freshTemporaryFolder(): string {
    const path = join(this.path, "tmp");
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path);
    return path;
  }

  /** Written down so that the next start can end it if this process is killed. */
  recordRuntime(pid: number): void {
    const launcher = identify(process.pid);
    const runtime = identify(pid);
    if (launcher === undefined || runtime === undefined) return;
    // By rename: a reader never sees half a file.
    writeFileSync(`${this.#lockPath}.next`, JSON.stringify({ launcher, runtime } satisfies Holder));
    renameSync(`${this.#lockPath}.next`, this.#lockPath);
  }

  release(): void {
    rmSync(this.#lockPath, { force: true });
  }

  #tryLock(): boolean {
    const launcher = identify(process.pid);
    if (launcher === undefined) throw new Failure("cannot tell this process from others");
    // Written aside and linked: the lock appears at once and whole, or not at all.
    const aside = `${this.#lockPath}.${process.pid}`;
    try {
      writeFileSync(aside, JSON.stringify({ launcher } satisfies Holder));
      linkSync(aside, this.#lockPath);
      return true;
    } catch (error) {
      if (errorCodeOf(error) !== "EEXIST") throw error;
    } finally {
      rmSync(aside, { force: true });
    }
    const holder = this.#holder();
    if (holder !== undefined && stillRuns(holder.launcher)) return false;
    if (holder?.runtime !== undefined && stillRuns(holder.runtime)) {
      process.kill(holder.runtime.pid, "SIGKILL");
      return false;
    }
    rmSync(this.#lockPath, { force: true });
    return false;
  }

  #holder(): Holder | undefined {
    try {
      return JSON.parse(readFileSync(this.#lockPath, "utf8")) as Holder;
    } catch {
      return undefined;
    }
  }
}

/** Not Node's recursive one, which never ends where a file system says ENOENT to every mkdir, as /proc does. */
function makeFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
  if (dirname(path) !== path) makeFolder(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    // Made by another start meanwhile.
    if (errorCodeOf(error) !== "EEXIST" || !statSync(path).isDirectory()) throw error;
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  ENOTDIR: "a part of the path is a file",
  EEXIST: "it is a file",
  ENOSPC: "no space left",
  ENOENT: "the path cannot be made",
};

function reasonOf(error: unknown): string {
  return reasons[errorCodeOf(error)] ?? messageOf(error);
}
