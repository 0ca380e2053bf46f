/**
 * How a group's changes lie in rows: a ring of 256 slots that are overwritten in place, so that a change costs one row written
 * and nothing has to be deleted, and a snapshot before the ring comes round. A row that the snapshot covers is dead and waits
 * to be overwritten.
 */
import type { Effect } from "./outbox.ts";

export const ringSlots = 256;
const ringBytesMax = 1024 * 1024;
/** SQLite takes values of 2 MB at most. */
const valueBytesMax = 1_900_000;

export interface StoredRow {
  readonly sequence: number;
  readonly entry: Uint8Array;
}

export interface StoredSnapshot {
  readonly sequence: number;
  readonly chunks: readonly Uint8Array[];
}

export class Ring {
  #sequence = 0;
  #snapshotSequence = 0;
  #bytes = 0;

  /** The live rows in order. Throws when one is missing: better no group than one with a hole in its memory. */
  restore(snapshotSequence: number, rows: readonly StoredRow[]): readonly StoredRow[] {
    this.#snapshotSequence = snapshotSequence;
    this.#sequence = snapshotSequence;
    const live = rows.filter(({ sequence }) => sequence > snapshotSequence).sort((left, right) => left.sequence - right.sequence);
    for (const { sequence, entry } of live) {
      if (sequence !== this.#sequence + 1) throw new RangeError(`group row ${this.#sequence + 1} is missing`);
      this.#sequence = sequence;
      this.#bytes += entry.length;
    }
    return live;
  }

  get isEmpty(): boolean {
    return this.#sequence === 0;
  }

  reset(): void {
    this.#sequence = 0;
    this.#snapshotSequence = 0;
    this.#bytes = 0;
  }

  /** Rows for the entries, or one snapshot in their stead when the ring is full or an entry is too large for a row. */
  append(entries: readonly Uint8Array[], snapshot: () => Uint8Array): Effect[] {
    const rows = entries.map((entry): Effect => {
      this.#sequence++;
      this.#bytes += entry.length;
      return { kind: "row", slot: this.#sequence % ringSlots, sequence: this.#sequence, entry };
    });
    const full = this.#sequence - this.#snapshotSequence >= ringSlots || this.#bytes > ringBytesMax;
    if (rows.length === 0 || (!full && entries.every(({ length }) => length <= valueBytesMax))) return rows;
    this.#snapshotSequence = this.#sequence;
    this.#bytes = 0;
    return [{ kind: "snapshot", sequence: this.#sequence, chunks: chunked(snapshot()) }];
  }
}

function chunked(bytes: Uint8Array): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; start += valueBytesMax) chunks.push(bytes.slice(start, start + valueBytesMax));
  return chunks;
}

export function joinChunks(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
