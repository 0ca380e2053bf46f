/**
 * Carries the claim of a compaction out: reads what is dirty to learn its keys, then all inputs, and streams what is left of them into one
 * segment. Holds the map of keys, a window, one batch with its body, and what the store buffers: under 32 MiB, because a batch for
 * which there is no room is not looked into and copied piece by piece.
 */
import type { Compacted, MergeClaim, MergeInput } from "../core/coordinator.ts";
import { batchesOf, Compactor, type Fate, type LogBatch, type Stays } from "../core/compact/compactor.ts";
import { MergeCopy, type CopiedPiece } from "../core/merge/copy.ts";
import {
  bodyBytesIn,
  compactionBytes,
  compactionWeightOf,
  HeldBytes,
  lookBytesOf,
  mergerBytesMax,
} from "../core/merge/held-bytes.ts";
import { readBytesOf, windowsOf } from "../core/merge/windows.ts";
import { indexKeys } from "../core/wal/key.ts";
import { attributeMask, batchField } from "../kernel/batch-layout.ts";
import { compress } from "../kernel/compress.ts";
import { decompress } from "../kernel/decompress.ts";
import type { BatchHeader, Kernel, KeyMap } from "../kernel/interface.ts";
import { wasmKeyMap, type KeyMapSecret } from "../kernel/key-map.ts";
import { partBytes, type ObjectStore } from "../storage/object-store.ts";
import { copied, Damaged, putIndexes, readAll, type MergeOutcome } from "./merge-work.ts";

/** After so much others of the thread have their turn: a hundred thousand records a second take their time. */
const turnBytes = 512 * 1024;
/** Larger pieces are written as they are, smaller ones together. */
const pieceBytesMin = 256 * 1024;
/** Larger batches are not put together. */
const wholeBytesMax = compactionBytes.bodyMax + batchField.records;

/** The keys of a round, which its next claim wants again. */
export interface KeptMap {
  readonly key: string;
  readonly map: KeyMap;
  readonly mapEnd: number;
}

export interface CompactionOutcome extends MergeOutcome {
  readonly compacted: Compacted | undefined;
  readonly kept: KeptMap | undefined;
}

export interface CompactionOptions {
  readonly secret: KeyMapSecret;
  readonly known?: KeptMap | undefined;
  /** Called before a window is read, with its bytes and how many GETs it takes. */
  readonly pace?: (byteLength: number, gets: number) => Promise<void>;
}

type Store = Pick<ObjectStore, "get" | "put" | "putStream">;

export async function writeCompacted(
  claim: MergeClaim,
  store: Store,
  kernel: Pick<Kernel, "crc32c" | "batches">,
  { secret, known, pace = async () => {} }: CompactionOptions,
): Promise<CompactionOutcome> {
  const { startOffset, dirty, round } = claim.compaction!;
  const roundKey = `${claim.cell}/${round}`;
  const kept = known?.key === roundKey && claim.compaction!.endOffset === known.mapEnd ? known : undefined;
  const map = kept?.map ?? wasmKeyMap({ startOffset, secret, byteLength: compactionBytes.map });
  const compactor = new Compactor(claim, map, kernel.crc32c, kept?.mapEnd);
  const done = { gets: 0, byteLength: 0, endOffset: claim.inputs[0]!.baseOffset };

  const held = new HeldBytes();
  held.take(compactionWeightOf(claim, claim.compaction!, partBytes));
  const roomBytes = mergerBytesMax - held.held - compactionBytes.window;

  /** Of all inputs, as much at a time as is worked on in one turn of the thread. */
  async function* turnsOf(inputs: readonly MergeInput[]): AsyncGenerator<readonly (LogBatch | Uint8Array)[]> {
    const part = { ...claim, kind: "merged" as const, inputs };
    const copy = new MergeCopy(part, kernel.crc32c, wholeBytesMax);
    let gatheredBytes = 0;
    for (const window of windowsOf(inputs, compactionBytes.window)) {
      const bytes = readBytesOf(window);
      await pace(bytes, window.reads.length);
      done.gets += window.reads.length;
      held.take(bytes);
      for (const turn of inTurns(copied(part, window, await readAll(store, window.reads), copy), kernel)) {
        yield turn;
        await new Promise<void>((resolve) => setTimeout(resolve, 0));
      }
      held.give(bytes + gatheredBytes);
      gatheredBytes = copy.heldBytes;
      held.take(gatheredBytes);
    }
  }

  /** Undefined: it is damaged inside its good CRC, as producers may have sent it, or too large to look into. */
  function bodyOf({ header, bytes }: LogBatch): Body {
    const codec = codecOf(header);
    const bytesMax = bodyBytesIn(roomBytes, header, codec);
    // Of a batch that is cut the rest has yet to come.
    if (bytesMax <= 0 || bytes.length < header.size) return undefined;
    const body = bytes.subarray(batchField.records);
    if (codec === 0) return body.length > bytesMax ? undefined : body;
    return decompress(codec, body, bytesMax).catch(() => undefined);
  }

  async function* left(): AsyncGenerator<Uint8Array> {
    const inputs = claim.inputs.filter(({ baseOffset }, index) => index === 0 || baseOffset < compactor.mapEnd);
    let lastStays = false;
    for await (const turn of turnsOf(inputs)) {
      let written: Uint8Array[] = [];
      for (const batch of turn) {
        let piece: Uint8Array | undefined;
        let lookBytes = 0;
        if (batch instanceof Uint8Array) piece = lastStays ? batch : undefined;
        else {
          let fate: Fate | "body" = compactor.judge(batch);
          if (fate === "body") {
            const found = bodyOf(batch);
            const body = found instanceof Promise ? await found : found;
            lookBytes = body === undefined ? 0 : lookBytesOf(batch.header, codecOf(batch.header), body.length);
            held.take(lookBytes);
            fate = compactor.judgeBody(batch.header, body);
          }
          lastStays = fate.kind === "as-it-is";
          if (fate.kind !== "goes") {
            const body = withCodec(batch, fate);
            piece = compactor.write(batch, fate, body instanceof Promise ? await body : body);
          }
        }
        if (piece !== undefined && piece.length < pieceBytesMin) written.push(piece);
        else if (piece !== undefined) {
          if (written.length > 0) yield concat(written);
          written = [];
          yield piece;
        }
        done.byteLength += piece?.length ?? 0;
        held.give(lookBytes);
      }
      if (written.length > 0) yield concat(written);
    }
    done.endOffset = inputs.at(-1)!.nextOffset;
  }

  try {
    if (kept === undefined) {
      for await (const turn of turnsOf(dirty)) {
        for (const batch of turn) {
          if (batch instanceof Uint8Array || !compactor.mapBatch(batch)) continue;
          const body = bodyOf(batch);
          compactor.mapBody(batch.header, body instanceof Promise ? await body : body);
        }
        if (compactor.isMapped) break;
      }
      compactor.mappedAll();
    }
    await store.putStream(claim.key, undefined, left());
    await putIndexes(indexKeys(claim.key), compactor.indexes(), store);
    const { mapEnd } = compactor;
    const outcome = { ...done, damage: [], heldBytes: held.peak, kept: { key: roundKey, map, mapEnd } };
    return { ...outcome, compacted: compactor.finish(done.endOffset) };
  } catch (error) {
    if (!(error instanceof Damaged)) throw error;
    return { byteLength: 0, gets: done.gets, damage: error.damage, compacted: undefined, kept };
  }
}

function* inTurns(pieces: Iterable<CopiedPiece>, kernel: Pick<Kernel, "batches">): Generator<readonly (LogBatch | Uint8Array)[]> {
  let turn: (LogBatch | Uint8Array)[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    for (const batch of batchesOf(piece, kernel)) {
      turn.push(batch);
      bytes += batch instanceof Uint8Array ? batch.length : batch.bytes.length;
      if (bytes < turnBytes) continue;
      yield turn;
      turn = [];
      bytes = 0;
    }
  }
  if (turn.length > 0) yield turn;
}

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** Waited for only where it must be: an await for each of many small batches would cost as much as the work. */
type Body = Uint8Array | undefined | Promise<Uint8Array | undefined>;

function codecOf({ attributes }: BatchHeader): number {
  return attributes & attributeMask.codec;
}

function withCodec({ header }: LogBatch, stays: Stays): Body {
  if (stays.kind !== "in-part") return undefined;
  const codec = codecOf(header);
  return codec === 0 ? stays.body : compress(codec, stays.body);
}
