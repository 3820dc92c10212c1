import { closeSync, openSync } from 'node:fs';
import { DeployError, errnoOf } from '@deploy-tools/shared/errors.js';
import type Database from 'better-sqlite3';
import type { MetaReader, MetaStore, MetaWriter } from '../meta-store.js';
import { MIGRATIONS } from './migrations.js';
import { loadSqlite } from './sqlite-driver.js';
import { translateSqliteError } from './sqlite-errors.js';
import { SqliteReader } from './sqlite-reader.js';
import { SqliteWriter } from './sqlite-writer.js';

/** The longest wait for another process that locks the database, such as a backup. */
const BUSY_TIMEOUT_MS = 5000;

/** The size to which a write-ahead log is cut once all of it is in the database. */
const MAX_LOG_BYTES = 16 * 1024 * 1024;

/** Free pages that stay in the file for the next writes, and the pages that one step returns to the disk. */
const FREE_PAGES = 1024;
const PAGES_AT_ONCE = 256;

/** A connection, which runs one transaction at a time. */
interface Connection {
  readonly db: Database.Database;
  /** The statement that begins a transaction. */
  readonly begin: string;
  /** Settles when the last queued transaction has ended. */
  last: Promise<unknown>;
}

/**
 * The metadata in one SQLite file. Two connections: one writes, one reads snapshots, so that a reader never sees a
 * transaction that has not committed.
 */
export class SqliteMetaStore implements MetaStore {
  readonly #writing: Connection;
  readonly #reading: Connection;
  readonly #writer: SqliteWriter;
  readonly #reader: SqliteReader;
  #closed = false;

  private constructor(writing: Database.Database, reading: Database.Database) {
    this.#writing = { db: writing, begin: 'BEGIN IMMEDIATE', last: Promise.resolve() };
    this.#reading = { db: reading, begin: 'BEGIN', last: Promise.resolve() };
    this.#writer = new SqliteWriter(writing);
    this.#reader = new SqliteReader(reading);
  }

  /**
   * Opens or creates the file and brings its schema up to date.
   * @throws DeployError unsupported when a newer program wrote it; corrupt, locked, no-space.
   */
  static open(path: string): SqliteMetaStore {
    try {
      createPrivate(path);
      return new SqliteMetaStore(
        connect(path, migrate),
        connect(path, () => {}),
      );
    } catch (error) {
      throw translateSqliteError(error);
    }
  }

  read<T>(work: (tx: MetaReader) => Promise<T>): Promise<T> {
    return this.#inTurn(this.#reading, () => work(this.#reader));
  }

  write<T>(work: (tx: MetaWriter) => Promise<T>): Promise<T> {
    return this.#inTurn(this.#writing, () => work(this.#writer));
  }

  shrink(): Promise<boolean> {
    return this.#inTurn(this.#writing, async () => giveBack(this.#writing.db));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([this.#writing.last, this.#reading.last]);
    this.#reading.db.close();
    this.#writing.db.close();
  }

  #inTurn<T>(connection: Connection, work: () => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(isClosed());
    const run = connection.last.then(() => transact(connection, work));
    connection.last = run.catch(() => undefined);
    return run;
  }
}

async function transact<T>({ db, begin }: Connection, work: () => Promise<T>): Promise<T> {
  try {
    db.exec(begin);
    const result = await work();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    if (db.inTransaction) db.exec('ROLLBACK');
    throw translateSqliteError(error);
  }
}

function isClosed(): DeployError {
  return new DeployError('internal', 'the registry database is closed');
}

/** Makes the file unreadable for others, which SQLite would not; SQLite's files beside it get the same mode. */
function createPrivate(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}

function connect(path: string, prepare: (db: Database.Database) => void): Database.Database {
  const Driver = loadSqlite();
  const db = new Driver(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    // Takes effect in a new file only, and before WAL mode, which writes the first page. An older file would have to be written
    // anew as a whole, with twice the space and while nobody is served: it reuses its free pages instead.
    db.pragma('auto_vacuum = INCREMENTAL');
    db.pragma('journal_mode = WAL');
    db.pragma(`journal_size_limit = ${MAX_LOG_BYTES}`);
    db.pragma('synchronous = FULL');
    db.pragma('foreign_keys = ON');
    prepare(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Implements {@link MetaStore.shrink}: moves pages from the end of the file into free ones, and cuts the file. */
function giveBack(db: Database.Database): boolean {
  const left = () => Number(db.pragma('freelist_count', { simple: true })) - FREE_PAGES;
  const surplus = left();
  if (surplus <= 0) return false;
  db.pragma(`incremental_vacuum(${Math.min(surplus, PAGES_AT_ONCE)})`);
  const rest = left();
  return rest > 0 && rest < surplus; // an older file cannot be cut
}

/** Runs the missing migrations in one exclusive transaction, so that two processes cannot both run them. */
function migrate(db: Database.Database): void {
  db.transaction(() => {
    const version = Number(db.pragma('user_version', { simple: true }));
    if (version > MIGRATIONS.length) {
      throw new DeployError(
        'unsupported',
        `the registry database was written by a newer version (schema ${version})`,
        {
          hint: 'run that version, or restore an older backup',
        },
      );
    }
    for (const migration of MIGRATIONS.slice(version)) db.exec(migration);
    db.pragma(`user_version = ${MIGRATIONS.length}`);
  }).exclusive();
}
