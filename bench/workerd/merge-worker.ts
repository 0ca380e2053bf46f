/** Merges inside workerd, over the stores that exist only there, beside the bare calls that any merge needs. */
import { DurableObject } from "cloudflare:workers";
import type { MergeClaim, MergeInput } from "../../core/coordinator.ts";
import { mergedLength } from "../../core/merge/copy.ts";
import { windowsOf } from "../../core/merge/windows.ts";
import { writeMerged } from "../../durable-objects/merge-work.ts";
import { kernel } from "../../kernel/kernel.ts";
import { DiskObjectStore } from "../../storage/disk.ts";
import type { ObjectStore } from "../../storage/object-store.ts";
import { R2ObjectStore } from "../../storage/r2.ts";
import { encodeBatch } from "../../test/kernel/batch-builder.ts";
import type { MergeRun } from "./merge-run.ts";

interface Env {
  readonly BUCKET: R2Bucket;
  readonly DISK: Fetcher;
  readonly RUNNER: DurableObjectNamespace<Runner>;
}

const topicId = "5f0c9a52-6d7b-4a51-9d0e-0a1b2c3d4e5f";

function claimOf({ objects, partitions, round }: MergeRun, operation: string, byteLength: number): MergeClaim {
  const inputs: MergeInput[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    for (let object = 0; object < objects; object++) {
      const place = { key: `merge/wal-${object}`, byteStart: partition * byteLength, byteLength };
      inputs.push({ topicId, partition, baseOffset: object, nextOffset: object + 1, leaderEpoch: 0, maxTimestamp: 0, ...place });
    }
  }
  return { kind: "merged", number: round, cell: 0, key: `merge/${operation}-${round}`, inputs };
}

async function bare(claim: MergeClaim, store: ObjectStore): Promise<void> {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    let left = mergedLength(claim);
    for (const { reads } of windowsOf(claim.inputs)) {
      for (const bytes of await Promise.all(reads.map(({ key, start, end }) => store.get(key, { start, length: end - start })))) {
        left -= bytes!.length;
        yield bytes!;
      }
    }
    yield new Uint8Array(left);
  }
  await store.putStream(claim.key, mergedLength(claim), chunks());
}

export class Runner extends DurableObject<Env> {
  async run(run: MergeRun): Promise<number> {
    const store = run.store === "r2" ? new R2ObjectStore(this.env.BUCKET) : new DiskObjectStore(this.env.DISK);
    const batch = encodeBatch({ records: [{ value: new Uint8Array(run.batchBytes).fill(7) }] });
    const claim = claimOf(run, run.operation, batch.length);
    if (run.operation === "prepare") {
      const object = new Uint8Array(batch.length * run.partitions);
      for (let partition = 0; partition < run.partitions; partition++) object.set(batch, partition * batch.length);
      for (let index = 0; index < run.objects; index++) await store.put(`merge/wal-${index}`, object);
    } else if (run.operation === "bare") await bare(claim, store);
    else {
      const { damage } = await writeMerged(claim, store, kernel);
      if (damage.length > 0) throw new Error(`damaged: ${damage[0]!.message}`);
    }
    return mergedLength(claim);
  }
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    return Response.json(await env.RUNNER.getByName("runner").run(await request.json<MergeRun>()));
  },
};
