/**
 * The two tables of a leader: journal and snapshot. A change is one row written, whether it takes a new row or one that nobody needs any
 * more (core/cell/journal-slots.ts); everything is synchronous, so what is written in one turn is one transaction.
 */
import type { Cell, JournalRow } from "../core/cell/cell.ts";
import { JournalSlots } from "../core/cell/journal-slots.ts";
import type { Cursor } from "../core/coordinator.ts";
import type { CountedSql } from "./counted-sql.ts";

/** With each change: a deleted topic may leave hundreds of thousands. */
const surplusRowsMax = 4096;

export class JournalRows {
  readonly #sql: CountedSql;
  readonly #slots = new JournalSlots();

  constructor(sql: CountedSql) {
    this.#sql = sql;
    sql.exec("CREATE TABLE IF NOT EXISTS journal (slot INTEGER PRIMARY KEY, entry BLOB NOT NULL, inline BLOB, seq INTEGER)");
    sql.exec("CREATE TABLE IF NOT EXISTS snapshot (chunk INTEGER PRIMARY KEY, data BLOB NOT NULL)");
    const columns = sql.exec<{ name: string }>("SELECT name FROM pragma_table_info('journal')");
    if (columns.some(({ name }) => name === "slot")) return;
    // Before rows were used again a row's number was its change's; those without another one still have it.
    sql.exec("ALTER TABLE journal RENAME COLUMN seq TO slot");
    sql.exec("ALTER TABLE journal ADD COLUMN seq INTEGER");
  }

  /** Puts the cell where it was. */
  load(cell: Cell): void {
    const rows = this.#sql.each<{ slot: number; seq: number; bytes: number; inline: number }>(
      `SELECT slot, coalesce(seq, slot) AS seq, length(entry) + coalesce(length(inline), 0) AS bytes, inline IS NOT NULL AS inline
       FROM journal ORDER BY 2`,
    );
    const sequences: number[] = [];
    for (const { slot, seq, bytes, inline } of rows) {
      this.#slots.load(slot, seq, bytes, inline === 1);
      sequences.push(seq);
    }
    const chunks = this.#sql.exec<{ data: ArrayBuffer }>("SELECT data FROM snapshot ORDER BY chunk");
    if (chunks.length > 0) {
      const bytes = chunks.map(({ data }) => new Uint8Array(data));
      cell.restore(bytes, (cursor) => sequences.filter((sequence) => sequence <= cursor));
    }
    this.#freeDead(cell);
    const covered = cell.cursor;
    const changes = this.#sql.each<{ seq: number; entry: ArrayBuffer }>(
      "SELECT coalesce(seq, slot) AS seq, entry FROM journal WHERE coalesce(seq, slot) > ? ORDER BY 1",
      covered,
    );
    for (const { seq, entry } of changes) cell.applyRow({ sequence: seq, entry: new Uint8Array(entry), inline: undefined }, false);
  }

  readInline(sequence: Cursor): Uint8Array {
    const slot = this.#slots.slotOf(sequence);
    const inline = this.#sql.exec<{ inline: ArrayBuffer | null }>("SELECT inline FROM journal WHERE slot = ?", slot)[0]?.inline;
    if (!inline) throw new Error(`journal row ${sequence} holds no inline bytes`);
    return new Uint8Array(inline);
  }

  /** The inline bytes of these changes, by change. */
  readRows(sequences: readonly Cursor[]): Map<Cursor, Uint8Array> {
    const bySlot = new Map(sequences.map((sequence) => [this.#slots.slotOf(sequence), sequence]));
    const rows = this.#sql.exec<{ slot: number; inline: ArrayBuffer }>(
      "SELECT slot, inline FROM journal WHERE slot IN (SELECT value FROM json_each(?))",
      JSON.stringify([...bySlot.keys()]),
    );
    return new Map(rows.map(({ slot, inline }) => [bySlot.get(slot)!, new Uint8Array(inline)]));
  }

  /** Of a change that is applied already. Answers the bytes of a snapshot that it made due; undefined: it did not. */
  write(cell: Cell, { sequence, entry, inline }: JournalRow): number | undefined {
    const { slot, isUsed } = this.#slots.take(sequence, entry.length + (inline?.length ?? 0), inline !== undefined);
    const statement = isUsed
      ? "UPDATE journal SET seq = ?, entry = ?, inline = ? WHERE slot = ?"
      : "INSERT INTO journal (seq, entry, inline, slot) VALUES (?, ?, ?, ?)";
    this.#sql.exec(statement, sequence, entry, inline ?? null, slot);
    const snapshotBytes = cell.snapshotDue ? this.#writeSnapshot(cell) : undefined;
    this.#freeDead(cell);
    const surplus = this.#slots.takeSurplus(surplusRowsMax);
    if (surplus.length > 0)
      this.#sql.exec("DELETE FROM journal WHERE slot IN (SELECT value FROM json_each(?))", JSON.stringify(surplus));
    return snapshotBytes;
  }

  /** The whole state, in place of what any row says. */
  writeSnapshot(cell: Cell): void {
    this.#writeSnapshot(cell);
    this.#freeDead(cell);
  }

  /** What the object's storage holds. */
  get byteLength(): number {
    return this.#sql.databaseSize;
  }

  #freeDead(cell: Cell): void {
    for (const sequence of cell.takeDeadRows(Infinity)) this.#slots.release(sequence);
  }

  #writeSnapshot(cell: Cell): number {
    const chunks = cell.snapshot();
    for (const [chunk, data] of chunks.entries()) {
      this.#sql.exec(
        "INSERT INTO snapshot (chunk, data) VALUES (?, ?) ON CONFLICT (chunk) DO UPDATE SET data = excluded.data",
        chunk,
        data,
      );
    }
    this.#sql.exec("DELETE FROM snapshot WHERE chunk >= ?", chunks.length);
    // Rows whose records are still read stay: the snapshot refers to them.
    this.#slots.covered();
    cell.snapshotWritten(chunks);
    return chunks.reduce((sum, { length }) => sum + length, 0);
  }
}
