/**
 * Carries the claim of a compaction out: reads what is dirty to learn its keys, then all inputs, and streams what is left of them into one
 * segment. Holds the map of keys, a window, one batch with its body, and what the store buffers: under 32 MiB, unless one
 * batch alone takes more than 12.
 */
import type { Compacted, MergeClaim, MergeInput } from "../core/coordinator.ts";
import { bodyBytesMax, Compactor, logBatches, type Fate, type LogBatch, type Stays } from "../core/compact/compactor.ts";
import { MergeCopy } from "../core/merge/copy.ts";
import { windowsOf } from "../core/merge/windows.ts";
import { indexKeys } from "../core/wal/key.ts";
import { attributeMask, batchField } from "../kernel/batch-layout.ts";
import { compress } from "../kernel/compress.ts";
import { decompress } from "../kernel/decompress.ts";
import type { Kernel, KeyMap } from "../kernel/interface.ts";
import { wasmKeyMap, type KeyMapSecret } from "../kernel/key-map.ts";
import type { ObjectStore } from "../storage/object-store.ts";
import { copied, Damaged, putIndexes, readAll, type MergeOutcome } from "./merge-work.ts";

const windowBytesMax = 4 * 1024 * 1024;
/** After so much others of the thread have their turn: a hundred thousand records a second take their time. */
const turnBytes = 512 * 1024;
/** Room for three hundred thousand keys. */
const mapBytes = 6 * 1024 * 1024;

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
  /** Called before a window is read, with its bytes. */
  readonly pace?: (byteLength: number) => Promise<void>;
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
  const map = kept?.map ?? wasmKeyMap({ startOffset, secret, byteLength: mapBytes });
  const compactor = new Compactor(claim, map, kernel.crc32c, kept?.mapEnd);
  const done = { gets: 0, byteLength: 0, endOffset: claim.inputs[0]!.baseOffset };

  /** All batches of the inputs, as many at a time as are worked on in one turn of the thread. */
  async function* turnsOf(inputs: readonly MergeInput[]): AsyncGenerator<readonly LogBatch[]> {
    const part = { ...claim, kind: "merged" as const, inputs };
    const copy = new MergeCopy(part, kernel.crc32c);
    for (const window of windowsOf(inputs, windowBytesMax)) {
      await pace(window.reads.reduce((sum, { start, end }) => sum + end - start, 0));
      done.gets += window.reads.length;
      for (const bytes of copied(part, window, await readAll(store, window.reads), copy)) {
        for (const turn of inTurns(logBatches(bytes, kernel))) {
          yield turn;
          await new Promise<void>((resolve) => setTimeout(resolve, 0));
        }
      }
    }
  }

  async function* left(): AsyncGenerator<Uint8Array> {
    const inputs = claim.inputs.filter(({ baseOffset }, index) => index === 0 || baseOffset < compactor.mapEnd);
    for await (const batches of turnsOf(inputs)) {
      const written: Uint8Array[] = [];
      for (const batch of batches) {
        let fate: Fate | "body" = compactor.judge(batch);
        if (fate === "body") {
          const body = bodyOf(batch);
          fate = compactor.judgeBody(batch.header, body instanceof Promise ? await body : body);
        }
        if (fate.kind === "goes") continue;
        const body = withCodec(batch, fate);
        written.push(compactor.write(batch, fate, body instanceof Promise ? await body : body));
      }
      const chunk = concat(written);
      done.byteLength += chunk.length;
      if (chunk.length > 0) yield chunk;
    }
    done.endOffset = inputs.at(-1)!.nextOffset;
  }

  try {
    if (kept === undefined) {
      for await (const batches of turnsOf(dirty)) {
        for (const batch of batches) {
          if (!compactor.mapBatch(batch)) continue;
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
    const outcome = { byteLength: done.byteLength, gets: done.gets, damage: [], kept: { key: roundKey, map, mapEnd } };
    return { ...outcome, compacted: compactor.finish(done.endOffset) };
  } catch (error) {
    if (!(error instanceof Damaged)) throw error;
    return { byteLength: 0, gets: done.gets, damage: error.damage, compacted: undefined, kept };
  }
}

function* inTurns(batches: Iterable<LogBatch>): Generator<readonly LogBatch[]> {
  let turn: LogBatch[] = [];
  let bytes = 0;
  for (const batch of batches) {
    turn.push(batch);
    bytes += batch.bytes.length;
    if (bytes < turnBytes) continue;
    yield turn;
    turn = [];
    bytes = 0;
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

/** Undefined: it is damaged inside its good CRC, as producers may have sent it, or too large to look into. */
function bodyOf({ header, bytes }: LogBatch): Body {
  const body = bytes.subarray(batchField.records);
  const codec = header.attributes & attributeMask.codec;
  if (codec === 0) return body.length > bodyBytesMax ? undefined : body;
  return decompress(codec, body, bodyBytesMax).catch(() => undefined);
}

function withCodec({ header }: LogBatch, stays: Stays): Body {
  if (stays.kind !== "in-part") return undefined;
  const codec = header.attributes & attributeMask.codec;
  return codec === 0 ? stays.body : compress(codec, stays.body);
}
