/**
 * The SQLite storage of an object, with every row that a statement reads or writes counted as the runtime counts it, for the bill. What has
 * been read is known when all of it has been: so answers come as a whole, or one by one to the end.
 */
export interface RowMeter {
  rowsRead(rows: number): void;
  rowsWritten(rows: number): void;
}

type Row = Record<string, SqlStorageValue>;

export class CountedSql {
  readonly #sql: SqlStorage;
  readonly #meter: RowMeter;

  constructor(sql: SqlStorage, meter: RowMeter) {
    this.#sql = sql;
    this.#meter = meter;
  }

  get databaseSize(): number {
    return this.#sql.databaseSize;
  }

  exec<Answer extends Row>(statement: string, ...values: unknown[]): readonly Answer[] {
    return [...this.each<Answer>(statement, ...values)];
  }

  /** Without holding all of them. */
  *each<Answer extends Row>(statement: string, ...values: unknown[]): Generator<Answer> {
    const cursor = this.#sql.exec<Answer>(statement, ...values);
    try {
      yield* cursor;
    } finally {
      this.#meter.rowsRead(cursor.rowsRead);
      this.#meter.rowsWritten(cursor.rowsWritten);
    }
  }
}
