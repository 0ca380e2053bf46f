/**
 * Compaction: how fast a merger compacts a partition, against the bare GETs and PUTs of the same bytes in the same run, how long it
 * holds the thread, and the kernel that maps and filters keys beside its plain twin.
 */
import { Compactor, logBatches } from "../core/compact/compactor.ts";
import type { MergeClaim, MergeInput } from "../core/coordinator.ts";
import { noneSeen } from "../core/compact/cleaned-transactions.ts";
import { writeCompacted } from "../durable-objects/compact-work.ts";
import type { KeyMap } from "../kernel/interface.ts";
import { wasmKeyMap } from "../kernel/key-map.ts";
import { kernel } from "../kernel/kernel.ts";
import { plainKeyMap } from "../kernel/twins/key-map.ts";
import { MemoryObjectStore } from "../storage/memory.ts";
import { encodeBatch } from "../test/kernel/batch-builder.ts";
import type { BenchOptions, Row } from "./row.ts";
import { median } from "./statistics.ts";

const topicId = "5f0c9a52-6d7b-4a51-9d0e-0a1b2c3d4e5f";
const secret = [1, 2, 3, 4] as const;
const recordsPerBatch = 16;
const extentBytes = 2 * 1024 * 1024;

/** Half of all records are overwritten by a later one. */
async function prepare(store: MemoryObjectStore, mebibytes: number, valueBytes: number): Promise<MergeClaim> {
  const inputs: MergeInput[] = [];
  const keys = Math.ceil((mebibytes * 1024 * 1024) / valueBytes / 2);
  let number = 0;
  let offset = 0;
  for (let written = 0; written < mebibytes * 1024 * 1024;) {
    const batches: Uint8Array[] = [];
    const baseOffset = offset;
    let byteLength = 0;
    while (byteLength < extentBytes) {
      const records = Array.from({ length: recordsPerBatch }, () => {
        number += 1;
        const key = new TextEncoder().encode(`user-${(number * 7919) % keys}`);
        return { key, value: new Uint8Array(valueBytes).fill(number) };
      });
      const batch = encodeBatch({ records });
      batches.push(batch);
      byteLength += batch.length;
      offset += recordsPerBatch;
    }
    const key = `bench/in-${inputs.length}`;
    await store.put(key, new Uint8Array(Buffer.concat(batches)));
    const place = { key, byteStart: 0, byteLength, leaderEpoch: 0, maxTimestamp: 0 };
    inputs.push({ topicId, partition: 0, baseOffset, nextOffset: offset, ...place });
    written += byteLength;
  }
  const compaction = {
    round: 1,
    dirty: inputs,
    startOffset: 0,
    endOffset: offset,
    nowMs: 0,
    deleteRetentionMs: 0,
    aborted: [],
    lastRecords: [],
    seen: noneSeen,
  };
  return { kind: "compacted", number: 1, cell: 0, key: "bench/out", inputs, compaction };
}

/** Every input twice, as a compaction reads it, and as many bytes written as there are. */
async function bare(claim: MergeClaim, store: MemoryObjectStore): Promise<void> {
  for (const { key } of claim.inputs) await store.get(key);
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (const { key } of claim.inputs) yield (await store.get(key))!;
  }
  await store.putStream("bench/bare", undefined, chunks());
}

async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function bytesOf({ inputs }: MergeClaim): number {
  return inputs.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

/** What half a MiB takes, after which a merger lets others of its thread go on, in both passes. */
async function blocking(claim: MergeClaim, store: MemoryObjectStore): Promise<number> {
  const spent: number[] = [];
  const compactor = new Compactor(claim, wasmKeyMap({ startOffset: 0, secret, byteLength: 6 << 20 }), (bytes) =>
    kernel.crc32c(bytes),
  );
  const sets: Uint8Array[] = [];
  for (const { key, baseOffset } of claim.inputs) {
    const bytes = (await store.get(key))!;
    kernel.assignOffsets(bytes, baseOffset, 0);
    sets.push(bytes);
  }
  for (const [pass, set] of [...sets.map((bytes) => ["map", bytes] as const), ...sets.map((bytes) => ["clean", bytes] as const)]) {
    if (pass === "clean") compactor.mappedAll();
    const start = performance.now();
    for (const batch of logBatches(set, kernel)) {
      if (pass === "map") {
        if (compactor.mapBatch(batch)) compactor.mapBody(batch.header, batch.bytes.subarray(61));
        continue;
      }
      const judged = compactor.judge(batch);
      const fate = judged === "body" ? compactor.judgeBody(batch.header, batch.bytes.subarray(61)) : judged;
      if (fate.kind !== "goes") compactor.write(batch, fate, fate.kind === "in-part" ? fate.body : undefined);
    }
    spent.push(((performance.now() - start) * 512 * 1024) / set.length);
  }
  return Math.max(...spent.slice(2));
}

function mapRate(map: KeyMap, body: Uint8Array, count: number, rounds: number): number {
  const start = performance.now();
  for (let round = 0; round < rounds; round++) {
    map.put(body, count, round * count);
    map.filter(body, count, round * count, Infinity, true);
  }
  return (2 * rounds * body.length) / 1e3 / (performance.now() - start);
}

export async function run({ quick }: BenchOptions, note: (text: string) => void): Promise<Row[]> {
  const rows: Row[] = [];
  for (const valueBytes of [1000, 100]) {
    const store = new MemoryObjectStore();
    const claim = await prepare(store, quick ? 16 : 48, valueBytes);
    const bytes = bytesOf(claim);
    const spent = { bare: [] as number[], compaction: [] as number[] };
    for (let round = 0; round <= (quick ? 2 : 5); round++) {
      const bareMs = await timed(() => bare(claim, store));
      const compactionMs = await timed(async () => {
        const { damage, compacted } = await writeCompacted(claim, store, kernel, { secret });
        if (damage.length > 0 || compacted!.mapEnd !== claim.inputs.at(-1)!.nextOffset) throw new Error("not all was compacted");
      });
      if (round === 0) continue;
      spent.bare.push(bareMs);
      spent.compaction.push(compactionMs);
    }
    rows.push({
      name: `compaction, records of ${valueBytes} B, half of them overwritten`,
      value: bytes / 1e3 / median(spent.compaction),
      unit: "MB/s",
      ratio: median(spent.bare) / median(spent.compaction),
      against: "bare GETs and PUTs of the same bytes, in memory",
    });
    rows.push({
      name: `records of ${valueBytes} B: the longest that the merger holds its thread (half a MiB)`,
      value: await blocking(claim, store),
      unit: "ms",
    });
  }
  const records = Array.from({ length: 2000 }, (_, index) => ({
    key: new TextEncoder().encode(`user-${index % 1500}`),
    value: new Uint8Array(100),
  }));
  const body = encodeBatch({ records }).subarray(61);
  const rounds = quick ? 50 : 300;
  const rate = (make: () => KeyMap): number => {
    mapRate(make(), body, records.length, 20);
    return mapRate(make(), body, records.length, rounds);
  };
  const wasm = rate(() => wasmKeyMap({ startOffset: 0, secret, byteLength: 1 << 20 }));
  const plain = rate(() => plainKeyMap(0, 100_000));
  rows.push({
    name: "mapping and filtering the keys of records of 100 B",
    value: wasm,
    unit: "MB/s",
    ratio: wasm / plain,
    against: "the plain twin",
    budget: { of: "ratio", atLeast: 1 },
  });
  note("A merger's map holds 314 000 keys; what is read twice is read twice by the bare run too.");
  return rows;
}
