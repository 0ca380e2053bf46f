/**
 * The two tables of a leader: journal and snapshot. A change is one row written, whether it takes a new row or one that nobody needs any
 * more (core/cell/journal-slots.ts); everything is synchronous, so what is written in one turn is one transaction.
 */
import type { Cell, JournalRow } from "../core/cell/cell.ts";
import { JournalSlots } from "../core/cell/journal-slots.ts";
import { firstPieces, pieceOf, roomThatCounts, roomToWrite, type Room } from "../core/cell/snapshot-work.ts";
import type { Cursor } from "../core/coordinator.ts";
import type { CountedSql } from "./counted-sql.ts";

/** With each change: a deleted topic may leave hundreds of thousands. */
const surplusRowsMax = 4096;
/** Of a snapshot: a terabyte. */
const piecesMax = 999_999;

export class JournalRows {
  readonly #sql: CountedSql;
  readonly #slots = new JournalSlots();
  /** Of the snapshot that counts. */
  #room: Room | undefined;

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
    const firsts = this.#sql.exec<{ chunk: number; data: ArrayBuffer }>(
      "SELECT chunk, substr(data, 1, 32) AS data FROM snapshot WHERE chunk IN (SELECT value FROM json_each(?))",
      JSON.stringify(firstPieces),
    );
    this.#room = roomThatCounts(firsts.map(({ chunk, data }) => ({ chunk, data: new Uint8Array(data) })));
    if (this.#room !== undefined) {
      const chunks = this.#sql.exec<{ data: ArrayBuffer }>(
        "SELECT data FROM snapshot WHERE chunk BETWEEN ? AND ? ORDER BY chunk",
        pieceOf(this.#room, 0),
        pieceOf(this.#room, piecesMax),
      );
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

  /** Of a change that is applied already. */
  write(cell: Cell, { sequence, entry, inline }: JournalRow): void {
    const { slot, isUsed } = this.#slots.take(sequence, entry.length + (inline?.length ?? 0), inline !== undefined);
    const statement = isUsed
      ? "UPDATE journal SET seq = ?, entry = ?, inline = ? WHERE slot = ?"
      : "INSERT INTO journal (seq, entry, inline, slot) VALUES (?, ?, ?, ?)";
    this.#sql.exec(statement, sequence, entry, inline ?? null, slot);
    this.#freeDead(cell);
    const surplus = this.#slots.takeSurplus(surplusRowsMax);
    if (surplus.length > 0)
      this.#sql.exec("DELETE FROM journal WHERE slot IN (SELECT value FROM json_each(?))", JSON.stringify(surplus));
  }

  /** The whole state, in place of what any row says. */
  writeSnapshot(cell: Cell): void {
    cell.beginSnapshot();
    while (this.stepSnapshot(cell));
    const counts = this.#room!;
    this.#sql.exec("DELETE FROM snapshot WHERE chunk NOT BETWEEN ? AND ?", pieceOf(counts, 0), pieceOf(counts, piecesMax));
  }

  /** Of a snapshot that was begun: whether there is more to do. */
  stepSnapshot(cell: Cell): boolean {
    const room = roomToWrite(this.#room);
    const step = cell.stepSnapshot();
    if (step?.kind === "piece") this.#writePiece(pieceOf(room, step.index), step.data);
    if (step?.kind !== "last") return step !== undefined;
    this.#writePiece(pieceOf(room, 0), step.first);
    this.#sql.exec("DELETE FROM snapshot WHERE chunk BETWEEN ? AND ?", pieceOf(room, step.pieces), pieceOf(room, piecesMax));
    this.#room = room;
    // Rows whose records are still read stay: the snapshot refers to them.
    this.#slots.covered(step.cursor);
    this.#freeDead(cell);
    return false;
  }

  #writePiece(piece: number, data: Uint8Array): void {
    this.#sql.exec(
      "INSERT INTO snapshot (chunk, data) VALUES (?, ?) ON CONFLICT (chunk) DO UPDATE SET data = excluded.data",
      piece,
      data,
    );
  }

  /** What the object's storage holds. */
  get byteLength(): number {
    return this.#sql.databaseSize;
  }

  #freeDead(cell: Cell): void {
    for (const sequence of cell.takeDeadRows(Infinity)) this.#slots.release(sequence);
  }
}
