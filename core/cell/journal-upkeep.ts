/**
 * What a leader's journal has grown to since its last snapshot, when the next one is due, and which rows may go. A row is needed
 * until a snapshot covers it, and then for as long as an extent reads its inline bytes; deleting it before would cost the state,
 * keeping it after would cost storage for ever.
 */
import type { Cursor } from "../coordinator.ts";
import type { InlineSource } from "./sources.ts";

const journalBytesMax = 1024 * 1024;
const journalRowsMax = 10_000;
/** Records that nobody can read any more, in rows that no snapshot covers yet: deleted data should be gone soon. */
const deadBytesMax = 4 * 1024 * 1024;

export class JournalUpkeep {
  #covered: Cursor = 0;
  #snapshotBytes = 0;
  #rows = 0;
  #bytes = 0;
  #coveredDead: number[] = [];
  #uncoveredDead: InlineSource[] = [];
  /** Of the rows after the one with which the snapshot began that is being written; undefined: none is. */
  #since: { rows: number; bytes: number } | undefined;
  #uncoveredDeadBytes = 0;

  /**
   * A snapshot costs time and bytes in proportion to its size, so the journal that it replaces must have grown as large; the first
   * one must be worth it at all.
   */
  get snapshotDue(): boolean {
    if (this.#since !== undefined) return false;
    return (
      this.#bytes > Math.max(journalBytesMax, this.#snapshotBytes) ||
      this.#rows > Math.max(journalRowsMax, this.#snapshotBytes / 100) ||
      this.#uncoveredDeadBytes > Math.max(deadBytesMax, this.#snapshotBytes)
    );
  }

  applied(entryBytes: number): void {
    this.#rows += 1;
    this.#bytes += entryBytes;
    if (this.#since === undefined) return;
    this.#since.rows += 1;
    this.#since.bytes += entryBytes;
  }

  snapshotBegun(): void {
    this.#since = { rows: 0, bytes: 0 };
  }

  /** Nothing reads the row's inline bytes any more. */
  released(source: InlineSource): void {
    if (source.row <= this.#covered) this.#coveredDead.push(source.row);
    else {
      this.#uncoveredDead.push(source);
      this.#uncoveredDeadBytes += source.byteLength;
    }
  }

  /** It covers all rows up to the cursor. */
  snapshotWritten(cursor: Cursor, bytes: number): void {
    this.#covered = cursor;
    this.#snapshotBytes = bytes;
    this.#rows = this.#since?.rows ?? 0;
    this.#bytes = this.#since?.bytes ?? 0;
    this.#since = undefined;
    const dead = this.#uncoveredDead;
    this.#uncoveredDead = [];
    this.#uncoveredDeadBytes = 0;
    for (const source of dead) this.released(source);
  }

  /** Rows that nobody needs, at most `max` of them: a deleted topic may leave hundreds of thousands. */
  takeDeadRows(max: number): readonly number[] {
    return this.#coveredDead.splice(Math.max(0, this.#coveredDead.length - max));
  }
}
