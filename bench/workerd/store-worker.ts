/**
 * Runs puts and gets inside workerd, in a Durable Object as the broker does, so that what is measured is the store and not the
 * way to it. One request is one run; the caller takes the time.
 */
import { DurableObject } from "cloudflare:workers";
import { DiskObjectStore } from "../../storage/disk.ts";
import { R2ObjectStore } from "../../storage/r2.ts";
import type { ObjectStore } from "../../storage/object-store.ts";
import type { StoreRun } from "./store-run.ts";

interface Env {
  readonly BUCKET: R2Bucket;
  readonly DISK: Fetcher;
  readonly RUNNER: DurableObjectNamespace<Runner>;
}

export class Runner extends DurableObject<Env> {
  async run(run: StoreRun): Promise<number> {
    const store: ObjectStore = run.store === "r2" ? new R2ObjectStore(this.env.BUCKET) : new DiskObjectStore(this.env.DISK);
    const key = (index: number): string => `bench/${run.name}/${index}`;
    if (run.operation === "delete") {
      await store.delete(Array.from({ length: run.count }, (_, index) => key(index)));
      return 0;
    }
    // A view in the middle of a larger buffer, as a broker's object may be.
    const bytes = new Uint8Array(run.byteLength + 128).fill(0x5a).subarray(64, 64 + run.byteLength);
    const put = async (index: number): Promise<number> => {
      await store.put(key(index), bytes);
      return run.byteLength;
    };
    const get = async (index: number): Promise<number> => {
      const range = await store.get(key(index), { start: 0, length: run.byteLength });
      return range?.byteLength ?? 0;
    };
    let next = 0;
    let moved = 0;
    const lane = async (): Promise<void> => {
      while (next < run.count) {
        const index = next++;
        const length = run.operation === "put" ? await put(index) : await get(index);
        moved += length;
      }
    };
    await Promise.all(Array.from({ length: run.lanes }, lane));
    return moved;
  }
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    return Response.json(await env.RUNNER.getByName("runner").run(await request.json<StoreRun>()));
  },
};
