/**
 * A snapshot that is written in steps, while the cell goes on, and where its pieces lie. There is room for two: one that counts, and the one
 * that is being written over the one before. Its first piece, which says of when it is, comes last, so whatever dies in between, the older one
 * still counts and the journal behind it is still there.
 */
import type { Cursor } from "../coordinator.ts";
import { PackedReader } from "./packed-bytes.ts";
import type { CellState } from "./cell-state.ts";
import { snapshotSteps, type SnapshotLimits } from "./snapshot.ts";

/** Pieces of the second room count from here. */
const roomPieces = 1_000_000;
const rooms = [0, 1] as const;
export type Room = (typeof rooms)[number];

/** The first pieces of both rooms. */
export const firstPieces: readonly number[] = rooms.map((room) => room * roomPieces);

export function pieceOf(room: Room, index: number): number {
  return room * roomPieces + index;
}

/** The room of the snapshot that counts, by the beginnings of such first pieces as there are; undefined: there is none. */
export function roomThatCounts(found: Iterable<{ readonly chunk: number; readonly data: Uint8Array }>): Room | undefined {
  let best: { readonly room: Room; readonly cursor: Cursor } | undefined;
  for (const { chunk, data } of found) {
    const room = rooms.find((candidate) => pieceOf(candidate, 0) === chunk);
    const cursor = cursorOf(data);
    if (room !== undefined && cursor >= (best?.cursor ?? 0)) best = { room, cursor };
  }
  return best?.room;
}

/** Of when a snapshot is, by the beginning of its first piece. */
export function cursorOf(first: Uint8Array): Cursor {
  const reader = new PackedReader(first);
  // The version.
  reader.uint();
  return reader.uint();
}

export function roomToWrite(counts: Room | undefined): Room {
  return counts === 0 ? 1 : 0;
}

export type SnapshotStep =
  | { readonly kind: "worked" }
  | { readonly kind: "piece"; readonly index: number; readonly data: Uint8Array }
  /** With the first piece written, and what lies behind `pieces` pieces deleted, it counts. */
  | {
      readonly kind: "last";
      readonly first: Uint8Array;
      readonly pieces: number;
      readonly cursor: Cursor;
      readonly byteLength: number;
    };

export class SnapshotWork {
  readonly #cursor: Cursor;
  readonly #steps: Generator<Uint8Array | undefined>;
  #first: Uint8Array | undefined;
  #pieces = 0;
  #byteLength = 0;

  constructor(state: CellState, limits?: SnapshotLimits) {
    this.#cursor = state.sequence;
    this.#steps = snapshotSteps(state.frozen(), limits);
  }

  step(): SnapshotStep {
    const { done, value } = this.#steps.next();
    if (done) {
      return { kind: "last", first: this.#first!, pieces: this.#pieces, cursor: this.#cursor, byteLength: this.#byteLength };
    }
    if (value === undefined) return { kind: "worked" };
    this.#pieces += 1;
    this.#byteLength += value.length;
    if (this.#pieces > 1) return { kind: "piece", index: this.#pieces - 1, data: value };
    this.#first = value;
    return { kind: "worked" };
  }
}
