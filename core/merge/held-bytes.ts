/**
 * The memory of a merger, counted: a budget, what each part of a merge holds of it, and how large the windows may be so that all of it
 * together stays within. Objects of JavaScript are counted by what they take at most, bytes as they are.
 */
import type { MergeClaim, MergeInput } from "../coordinator.ts";

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

export class HeldBytes {
  #held = 0;
  #peak = 0;

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
