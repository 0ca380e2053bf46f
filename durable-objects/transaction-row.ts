/**
 * The one row of a transactional id, overwritten with every step. Its table is made with the first, so that asking after an id that
 * does not exist leaves nothing behind.
 */
import type { TransactionEffect } from "../core/transaction/events.ts";

export class TransactionRow {
  readonly #sql: SqlStorage;
  readonly #onWritten: (rows: number) => void;
  #exists: boolean;

  constructor(sql: SqlStorage, onWritten: (rows: number) => void) {
    this.#sql = sql;
    this.#onWritten = onWritten;
    this.#exists = sql.exec("SELECT name FROM sqlite_master WHERE name = 'state'").toArray().length > 0;
  }

  load(): string | undefined {
    if (!this.#exists) return undefined;
    return this.#sql.exec<{ value: string }>("SELECT value FROM state").toArray()[0]?.value;
  }

  /** Of several steps in one turn only the last is worth writing. */
  apply(effects: readonly TransactionEffect[]): void {
    const last = effects.findLast(({ kind }) => kind === "row" || kind === "wipe");
    if (last?.kind === "row") this.#write(last.value);
    else if (last?.kind === "wipe") this.#drop();
  }

  #write(value: string): void {
    if (!this.#exists) this.#run("CREATE TABLE state (id INTEGER PRIMARY KEY, value TEXT NOT NULL)");
    this.#exists = true;
    this.#run("INSERT OR REPLACE INTO state (id, value) VALUES (0, ?)", value);
  }

  #drop(): void {
    if (this.#exists) this.#run("DROP TABLE state");
    this.#exists = false;
  }

  #run(statement: string, ...values: SqlStorageValue[]): void {
    this.#onWritten(this.#sql.exec(statement, ...values).rowsWritten);
  }
}
