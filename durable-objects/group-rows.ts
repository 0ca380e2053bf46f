/**
 * The two tables of a group: the ring of its changes and the pieces of its snapshot. They are made with the first row, so that
 * asking after a group that does not exist leaves nothing behind.
 */
import type { Effect } from "../core/group/outbox.ts";
import type { StoredRow, StoredSnapshot } from "../core/group/ring.ts";
import type { CountedSql } from "./counted-sql.ts";

const tables = [
  "CREATE TABLE entry (slot INTEGER PRIMARY KEY, sequence INTEGER NOT NULL, data BLOB NOT NULL)",
  "CREATE TABLE snapshot (chunk INTEGER PRIMARY KEY, sequence INTEGER NOT NULL, data BLOB NOT NULL)",
];

export class GroupRows {
  readonly #storage: Pick<DurableObjectStorage, "transactionSync">;
  readonly #sql: CountedSql;
  #exist: boolean;

  constructor(storage: Pick<DurableObjectStorage, "transactionSync">, sql: CountedSql) {
    this.#storage = storage;
    this.#sql = sql;
    this.#exist = this.#sql.exec("SELECT name FROM sqlite_master WHERE name = 'entry'").length > 0;
  }

  get exist(): boolean {
    return this.#exist;
  }

  load(): { readonly snapshot: StoredSnapshot | undefined; readonly rows: readonly StoredRow[] } {
    if (!this.#exist) return { snapshot: undefined, rows: [] };
    type Piece = { sequence: number; data: ArrayBuffer };
    const rows = this.#sql.exec<Piece>("SELECT sequence, data FROM entry");
    const chunks = this.#sql.exec<Piece>("SELECT sequence, data FROM snapshot ORDER BY chunk");
    return {
      rows: rows.map(({ sequence, data }) => ({ sequence, entry: new Uint8Array(data) })),
      snapshot:
        chunks[0] === undefined
          ? undefined
          : { sequence: chunks[0].sequence, chunks: chunks.map(({ data }) => new Uint8Array(data)) },
    };
  }

  /** All or nothing. */
  apply(effects: readonly Effect[]): void {
    if (effects.every(({ kind }) => kind === "reply")) return;
    this.#storage.transactionSync(() => {
      for (const effect of effects) this.#apply(effect);
    });
  }

  #apply(effect: Effect): void {
    if (effect.kind === "wipe") this.#drop();
    if (effect.kind === "row") {
      this.#make();
      const { slot, sequence, entry } = effect;
      this.#sql.exec("INSERT OR REPLACE INTO entry (slot, sequence, data) VALUES (?, ?, ?)", slot, sequence, entry);
    }
    if (effect.kind === "snapshot") {
      this.#make();
      this.#sql.exec("DELETE FROM snapshot WHERE chunk >= ?", effect.chunks.length);
      effect.chunks.forEach((data, chunk) => {
        this.#sql.exec("INSERT OR REPLACE INTO snapshot (chunk, sequence, data) VALUES (?, ?, ?)", chunk, effect.sequence, data);
      });
    }
  }

  #make(): void {
    if (this.#exist) return;
    for (const table of tables) this.#sql.exec(table);
    this.#exist = true;
  }

  #drop(): void {
    if (!this.#exist) return;
    this.#sql.exec("DROP TABLE entry");
    this.#sql.exec("DROP TABLE snapshot");
    this.#exist = false;
  }
}
