/**
 * The memory of a merger, counted: a budget, what each part of a merge holds of it, and how large the windows may be so that all of it
 * together stays within. Objects of JavaScript are counted by what they take at most, bytes as they are.
 */
import type { BatchHeader } from "../../kernel/interface.ts";
import type { Compaction, MergeClaim, MergeInput } from "../coordinator.ts";

/** Whatever the claim is, a merge holds no more. */
export const mergerBytesMax = 32 * 1024 * 1024;

/** An input of a claim, its piece of a window, and the extent that it may be in the footer. */
const inputBytes = 400;
/** What is read along in a window, chunks that are filled and on their way, the upload's own. */
const besideWindowBytes = (2 + 2) * 1024 * 1024;
/** Less would be read in too many pieces. */
const windowBytesMin = 4 * 1024 * 1024;

/** What a claim itself takes as long as it is worked on. */
export function weightOf(inputs: readonly MergeInput[]): number {
  return inputs.reduce((sum, { records }) => sum + inputBytes + (records?.length ?? 0), 0);
}

/** How much may be read at once, at most `bytesMax`. */
export function windowBytesOf({ inputs }: MergeClaim, bytesMax: number): number {
  return Math.max(windowBytesMin, Math.min(bytesMax, mergerBytesMax - besideWindowBytes - weightOf(inputs)));
}

/** A producer or a transaction that a claim names. */
const namedBytes = 100;
const mebibyte = 1024 * 1024;

/** Sizes of what a compaction works with. */
export const compactionBytes = {
  /** Room for three hundred thousand keys. */
  map: 6 * mebibyte,
  /** What the instance with the map takes besides; it has room for one body too. */
  instance: 256 * 1024,
  /** Larger bodies are not looked into, whatever there is room for. */
  bodyMax: 4 * mebibyte,
  window: 2 * mebibyte,
  /** Read along in a window, small pieces that are written together, chunks that are filled and on their way, and the indexes of 128 MiB. */
  beside: 4 * mebibyte,
} as const;

/** What a compaction holds all the time. `partBytes`: the store's, of the object that is written. */
export function compactionWeightOf({ inputs }: MergeClaim, { dirty, aborted, lastRecords }: Compaction, partBytes: number): number {
  const named = (aborted.length + lastRecords.length) * namedBytes;
  const { map, instance, bodyMax, beside } = compactionBytes;
  return weightOf(inputs) + weightOf(dirty) + named + map + instance + bodyMax + beside + partBytes;
}

/** On its way to what is left of it a body is held so many times: rewritten, and with a codec compressed before. */
function copiesOf(codec: number): number {
  return codec === 0 ? 2 : 3;
}

/** A time that counts from another base takes more. */
const recordGrowthBytes = 12;

/** What looking into a batch takes, with its own bytes. */
export function lookBytesOf({ size, recordCount }: BatchHeader, codec: number, bodyBytes: number): number {
  return size + copiesOf(codec) * (bodyBytes + recordCount * recordGrowthBytes);
}

/** How large a body of the batch may be to be looked into with so much room; negative: none. */
export function bodyBytesIn(roomBytes: number, header: BatchHeader, codec: number): number {
  const left = roomBytes - lookBytesOf(header, codec, 0);
  return Math.min(compactionBytes.bodyMax, Math.floor(left / copiesOf(codec)));
}

export class HeldBytes {
  #held = 0;
  #peak = 0;

  get held(): number {
    return this.#held;
  }

  /** The most that was held at one time. */
  get peak(): number {
    return this.#peak;
  }

  take(bytes: number): void {
    this.#held += bytes;
    this.#peak = Math.max(this.#peak, this.#held);
  }

  give(bytes: number): void {
    this.#held -= bytes;
    if (this.#held < 0) throw new Error(`${-this.#held} bytes more were given back than were held`);
  }
}
