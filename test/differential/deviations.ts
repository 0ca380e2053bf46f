/**
 * Where answers differ from Apache Kafka's on purpose, and why. The suite fails on any difference that is not listed here, and on
 * any line here that no longer differs; scripts/compatibility.ts puts the list into docs/COMPATIBILITY.md.
 */

export interface Deviation {
  /** What a client sees, as a sentence for the page. */
  readonly what: string;
  readonly why: string;
  /**
   * The differences it accounts for, each as `API: scenario / step / field`, with `*` for any run of characters. Versions are not
   * part of it, keys of elements are (`topics[*].errorCode`).
   */
  readonly where: readonly string[];
}

export const deviations: readonly Deviation[] = [];
