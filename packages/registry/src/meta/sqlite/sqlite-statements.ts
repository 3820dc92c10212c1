import type Database from 'better-sqlite3';

/** The values of a row by the names of its columns; undefined is stored as NULL. */
export type RowValues = Readonly<Record<string, unknown>>;

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

  /** The texts of a query's only column. */
  texts(sql: string, ...parameters: unknown[]): string[] {
    return this.all<Record<string, string>>(sql, ...parameters).flatMap((row) => Object.values(row));
  }

  /** Whether the query has any row. */
  has(sql: string, ...parameters: unknown[]): boolean {
    return this.one(sql, ...parameters) !== undefined;
  }

  /** @returns the number of rows that were changed. */
  run(sql: string, ...parameters: unknown[]): number {
    return this.#prepare(sql).run(...parameters).changes;
  }

  /** Inserts a row. @returns its id. */
  insert(table: string, row: RowValues, onConflict = ''): number {
    const columns = Object.keys(row);
    const places = columns.map(() => '?').join(', ');
    const sql = `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places}) ${onConflict}`;
    return Number(
      this.#prepare(sql).run(...Object.values(row).map((value) => value ?? null)).lastInsertRowid,
    );
  }

  /** Inserts a row, or sets its other columns where a row with these key columns exists. */
  put(table: string, keys: readonly string[], row: RowValues): void {
    const others = Object.keys(row).filter((column) => !keys.includes(column));
    const changes = others.map((column) => `${column} = excluded.${column}`).join(', ');
    this.insert(table, row, `ON CONFLICT (${keys.join(', ')}) DO UPDATE SET ${changes}`);
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

/**
 * The WHERE clause that joins all conditions whose value is given, and its parameters. The value stands for each `?` of its
 * condition.
 */
export function whereAll(conditions: Readonly<Record<string, string | true | undefined>>): {
  readonly where: string;
  readonly parameters: readonly unknown[];
} {
  const given = Object.entries(conditions).filter(([, value]) => value !== undefined);
  return {
    where: given.length === 0 ? '' : `WHERE ${given.map(([condition]) => condition).join(' AND ')}`,
    parameters: given.flatMap(([condition, value]) => Array(condition.split('?').length - 1).fill(value)),
  };
}
