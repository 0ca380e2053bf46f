/**
 * A range of an object's bytes in memory, as the cache keeps it: what it is, which of its extents were checked, who holds it, and its
 * place in the order of last use.
 */

export type CachePart = "tail" | "catchUp";

export interface Block {
  /** Empty for inline bytes, which the extent itself points to. */
  readonly key: string;
  readonly start: number;
  /** Empty once it has been dropped. */
  bytes: Uint8Array;
  /** Written by this broker: as it left here, no CRC needs to be computed again. */
  readonly trusted: boolean;
  /** Extents that were checked and patched: where they begin and how long they are. */
  readonly ready: Map<number, number>;
  part: CachePart;
  pins: number;
  resident: boolean;
  newer: Block | undefined;
  older: Block | undefined;
}
