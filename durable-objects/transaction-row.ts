/**
 * The one row of a transactional id, overwritten with every step. Its table is made with the first, so that asking after an id that
 * does not exist leaves nothing behind.
 */
import type { TransactionEffect } from "../core/transaction/events.ts";
import type { CountedSql } from "./counted-sql.ts";

export class TransactionRow {
  readonly #sql: CountedSql;
  #exists: boolean;

  constructor(sql: CountedSql) {
    this.#sql = sql;
    this.#exists = sql.exec("SELECT name FROM sqlite_master WHERE name = 'state'").length > 0;
  }

  load(): string | undefined {
    if (!this.#exists) return undefined;
    return this.#sql.exec<{ value: string }>("SELECT value FROM state")[0]?.value;
  }

  /** Of several steps in one turn only the last is worth writing. */
  apply(effects: readonly TransactionEffect[]): void {
    const last = effects.findLast(({ kind }) => kind === "row" || kind === "wipe");
    if (last?.kind === "row") this.#write(last.value);
    else if (last?.kind === "wipe") this.#drop();
  }

  #write(value: string): void {
    if (!this.#exists) this.#sql.exec("CREATE TABLE state (id INTEGER PRIMARY KEY, value TEXT NOT NULL)");
    this.#exists = true;
    this.#sql.exec("INSERT OR REPLACE INTO state (id, value) VALUES (0, ?)", value);
  }

  #drop(): void {
    if (this.#exists) this.#sql.exec("DROP TABLE state");
    this.#exists = false;
  }
}
