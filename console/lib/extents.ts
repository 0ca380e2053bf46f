/** What `GET /c/<cluster>/topics/<topic>/extents` answers, and its shape on a bar: where each kind's pieces begin and how wide they are. */
import { type StoredKind, storedKinds } from "./stored-kinds.ts";

export interface Run {
  readonly baseOffset: number;
  readonly nextOffset: number;
  readonly extents: number;
  readonly bytes: Readonly<Record<StoredKind, number>>;
}

export interface PartitionExtents {
  readonly partition: number;
  readonly logStartOffset: number;
  readonly endOffset: number;
  readonly runs: readonly Run[];
}

export interface TopicExtents {
  readonly partitionCount: number;
  readonly partitions: readonly PartitionExtents[];
}

export interface Piece {
  readonly kind: StoredKind;
  readonly x: number;
  readonly width: number;
}

/** Oldest ways of storing first: within a run what was merged came before what waits to be. */
const byAge: readonly StoredKind[] = ["segment", "merged", "wal", "inline"];

export function bytesOf({ bytes }: Run): number {
  return storedKinds.reduce((sum, kind) => sum + bytes[kind], 0);
}

export function totalsOf(runs: readonly Run[]): Record<StoredKind, number> {
  const totals = { inline: 0, wal: 0, merged: 0, segment: 0 };
  for (const { bytes } of runs) for (const kind of storedKinds) totals[kind] += bytes[kind];
  return totals;
}

/** Pieces of a bar that is `width` wide where it holds `fullBytes`. */
export function piecesOf(runs: readonly Run[], fullBytes: number, width: number): readonly Piece[] {
  const pieces: Piece[] = [];
  let x = 0;
  for (const { bytes } of runs) {
    for (const kind of byAge) {
      if (bytes[kind] === 0) continue;
      const share = (bytes[kind] / Math.max(1, fullBytes)) * width;
      pieces.push({ kind, x, width: share });
      x += share;
    }
  }
  return pieces;
}

/** The run under a place on such a bar. */
export function runAt(runs: readonly Run[], fullBytes: number, share: number): Run | undefined {
  let left = share * fullBytes;
  for (const run of runs) {
    left -= bytesOf(run);
    if (left < 0) return run;
  }
  return undefined;
}
