/** Which object store a deployment has follows from what is bound; every cluster sees only its own share of it [I10]. */
import { OperatingError } from "../core/operating-error.ts";
import { CountedObjectStore, type CountOperation } from "../storage/counted.ts";
import { DiskObjectStore } from "../storage/disk.ts";
import { FaultyObjectStore, putLatency } from "../storage/faulty.ts";
import type { ObjectStore } from "../storage/object-store.ts";
import { clusterFolder, PrefixedObjectStore } from "../storage/prefixed.ts";
import { R2ObjectStore } from "../storage/r2.ts";
import type { Env } from "./env.ts";

/** `count`: hears of every operation that is billed. */
export function openStore(env: Env, cluster: string, count?: CountOperation): ObjectStore {
  const store = count === undefined ? bound(env) : new CountedObjectStore(bound(env), count);
  const { putDelayMs = 0 } = env.FAULTS ?? {};
  const slowed = putDelayMs === 0 ? store : new FaultyObjectStore(store, putLatency(putDelayMs, sleep));
  return new PrefixedObjectStore(slowed, clusterFolder(cluster));
}

function bound(env: Env): ObjectStore {
  if (env.DISK !== undefined) return new DiskObjectStore(env.DISK);
  if (env.BUCKET !== undefined) return new R2ObjectStore(env.BUCKET);
  throw new OperatingError("invalid", "no object store is bound: neither BUCKET nor DISK");
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
