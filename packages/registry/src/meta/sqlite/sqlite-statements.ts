import type Database from 'better-sqlite3';

/** Runs SQL on one connection; each statement is prepared once. */
export class SqliteStatements {
  readonly #db: Database.Database;
  readonly #prepared = new Map<string, Database.Statement<unknown[]>>();

  constructor(db: Database.Database) {
    this.#db = db;
  }

  /** The first row, or undefined. */
  one<Row>(sql: string, ...parameters: unknown[]): Row | undefined {
    return this.#prepare(sql).get(...parameters) as Row | undefined;
  }

  all<Row>(sql: string, ...parameters: unknown[]): Row[] {
    return this.#prepare(sql).all(...parameters) as Row[];
  }

  run(sql: string, ...parameters: unknown[]): { changes: number; lastInsertRowid: number | bigint } {
    return this.#prepare(sql).run(...parameters);
  }

  #prepare(sql: string): Database.Statement<unknown[]> {
    let statement = this.#prepared.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare<unknown[]>(sql);
      this.#prepared.set(sql, statement);
    }
    return statement;
  }
}
