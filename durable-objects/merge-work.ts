/**
 * Carries a claim out (D11): reads its inputs a window at a time, lets the core check and patch them, and streams them into one object.
 * Holds a window, and what the store buffers of the object: under 32 MiB, whatever the claim is.
 */
import type { MergeClaim } from "../core/coordinator.ts";
import { OperatingError } from "../core/operating-error.ts";
import { HeldBytes, weightOf, windowBytesOf } from "../core/merge/held-bytes.ts";
import { MergeCopy, mergedLength, type CopiedPiece, type InputDamage } from "../core/merge/copy.ts";
import { readBytesOf, windowBytesMax, windowsOf, type Read, type Window } from "../core/merge/windows.ts";
import { indexKeys } from "../core/wal/key.ts";
import type { Kernel } from "../kernel/interface.ts";
import type { ObjectStore } from "../storage/object-store.ts";

const chunkBytes = 512 * 1024;
/** Stores put in one piece what is no larger. */
const gatheredBytesMax = 12 * 1024 * 1024 + 512 * 1024;
/** The indexes of a large segment take up to 10 MiB. */
const segmentWindowBytesMax = 6 * 1024 * 1024;
/** Connections are few, and the upload needs one. */
const readsAtOnceMax = 3;

/** What was done, for metrics; `damage`: the object could not be written for it. */
export interface MergeOutcome {
  readonly byteLength: number;
  readonly gets: number;
  readonly damage: readonly InputDamage[];
  /** The most that was held at one time. */
  readonly heldBytes?: number;
}

export class Damaged extends Error {
  readonly damage: readonly InputDamage[];

  constructor(damage: readonly InputDamage[]) {
    super("inputs of a merge are damaged");
    this.damage = damage;
  }
}

export async function writeMerged(
  claim: MergeClaim,
  store: Pick<ObjectStore, "get" | "put" | "putStream">,
  kernel: Pick<Kernel, "crc32c">,
  /** Called before a window is read, with its bytes and how many GETs it takes: whoever has to go slowly lets it wait. */
  pace: (byteLength: number, gets: number) => Promise<void> = async () => {},
): Promise<MergeOutcome> {
  const byteLength = mergedLength(claim);
  const isSegment = claim.kind === "segment";
  let gets = 0;
  const held = new HeldBytes();
  held.take(weightOf(claim.inputs) + 2 * chunkBytes);
  // A small object is put in one piece.
  const gatheredBytes = byteLength <= gatheredBytesMax ? byteLength : 0;
  held.take(gatheredBytes);
  const copy = new MergeCopy(claim, kernel.crc32c);
  async function* chunks(): AsyncGenerator<Uint8Array> {
    let { indexBytes } = copy;
    const bytesMax = windowBytesOf(claim, isSegment ? segmentWindowBytesMax : windowBytesMax);
    for (const window of windowsOf(claim.inputs, bytesMax)) {
      const bytes = readBytesOf(window);
      await pace(bytes, window.reads.length);
      gets += window.reads.length;
      held.take(bytes);
      for (const piece of copied(claim, window, await readAll(store, window.reads), copy)) yield piece.bytes;
      held.give(bytes);
      held.take(copy.indexBytes - indexBytes);
      ({ indexBytes } = copy);
    }
    if (isSegment) return;
    const footer = copy.footer();
    held.take(footer.length);
    yield footer;
  }
  try {
    await store.putStream(claim.key, byteLength, inLargeChunks(chunks()));
    held.give(gatheredBytes);
    if (isSegment) {
      const indexes = copy.indexes();
      held.take(indexes.index.length + indexes.timeIndex.length);
      await putIndexes(indexKeys(claim.key), indexes, store);
    }
    return { byteLength, gets, damage: [], heldBytes: held.peak };
  } catch (error) {
    if (error instanceof Damaged) return { byteLength, gets, damage: error.damage };
    throw error;
  }
}

/** Small pieces are copied together: a stream takes a thousand small writes more slowly than one large one. */
export async function* inLargeChunks(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let chunk = new Uint8Array(chunkBytes);
  let filled = 0;
  for await (const piece of pieces) {
    if (filled + piece.length > chunkBytes && filled > 0) {
      yield chunk.subarray(0, filled);
      chunk = new Uint8Array(chunkBytes);
      filled = 0;
    }
    if (piece.length > chunkBytes) yield piece;
    else {
      chunk.set(piece, filled);
      filled += piece.length;
    }
  }
  if (filled > 0) yield chunk.subarray(0, filled);
}

/** A log without them is one whose writer died: whoever finds it can tell. */
export async function putIndexes(
  keys: ReturnType<typeof indexKeys>,
  { index, timeIndex }: ReturnType<MergeCopy["indexes"]>,
  store: Pick<ObjectStore, "put">,
): Promise<void> {
  await Promise.all([store.put(keys.index, index), store.put(keys.timeIndex, timeIndex)]);
}

interface ReadBlock {
  readonly start: number;
  readonly bytes: Uint8Array;
}

/** Piece by piece: out of what was read, or of what came with the claim. */
function* bytesOf({ inputs }: MergeClaim, { pieces }: Window, blocks: readonly ReadBlock[]): Generator<Uint8Array> {
  for (const { input, read, start, byteLength } of pieces) {
    const block = blocks[read];
    yield block?.bytes.subarray(start - block.start, start - block.start + byteLength) ?? inputs[input]!.records!;
  }
}

/** Batches are cut where the blocks are: what is damaged behind its beginning is found before the object is whole. */
export function* copied(claim: MergeClaim, window: Window, blocks: readonly ReadBlock[], copy: MergeCopy): Generator<CopiedPiece> {
  for (const bytes of bytesOf(claim, window, blocks)) {
    const result = copy.push(bytes);
    if ("message" in result) throw new Damaged([result]);
    yield* result;
  }
}

export async function readAll(
  store: Pick<ObjectStore, "get">,
  reads: readonly Read[],
): Promise<readonly { readonly start: number; readonly bytes: Uint8Array }[]> {
  const blocks: { start: number; bytes: Uint8Array }[] = [];
  const damage: InputDamage[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < reads.length) {
      const index = next++;
      const { key, start, end } = reads[index]!;
      const bytes = await store.get(key, { start, length: end - start });
      if (bytes?.length === end - start) blocks[index] = { start, bytes };
      else
        damage.push({ key, message: bytes === undefined ? "no such object" : `${bytes.length} bytes instead of ${end - start}` });
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: Math.min(readsAtOnceMax, reads.length) }, lane));
  for (const result of lanes) if (result.status === "rejected") throw asRetry(result.reason);
  if (damage.length > 0) throw new Damaged(damage);
  return blocks;
}

function asRetry(error: unknown): unknown {
  return error instanceof OperatingError ? error : new OperatingError("retry", String(error), error);
}
