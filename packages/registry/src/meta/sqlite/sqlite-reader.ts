import type { ComponentVersion, Configuration } from '@deploy-tools/shared/model.js';
import type Database from 'better-sqlite3';
import type {
  ArchiveIndex,
  AuditQuery,
  AuditRecord,
  IndexedArchive,
  LayerFileKind,
  MetaReader,
  Revision,
  Upload,
} from '../meta-store.js';
import { type AuditRow, auditRecord, auditSelect } from './sqlite-audit.js';
import { SqliteFleet } from './sqlite-fleet.js';
import {
  ARCHIVES_BY_USE,
  CONFIGURATIONS_WITH_ARCHIVE,
  INDEX_COLUMNS,
  type IndexRow,
  indexedOf,
  indexOf,
  NEWEST_INDEXED,
} from './sqlite-index.js';
import { SqliteNotices } from './sqlite-notices.js';
import { SqliteStatements } from './sqlite-statements.js';
import { SqliteTracks } from './sqlite-tracks.js';

const VERSION_COLUMNS = 'component, version, hash, size, created';

interface RevisionRow {
  readonly configuration: string;
  readonly number: number;
  readonly mtime: string;
  readonly hash: string;
  readonly fingerprint: string;
  readonly comment: string;
  readonly command: string;
  readonly user: string;
  readonly address: string;
}

/** The reading half of the port over one SQLite connection. */
export class SqliteReader implements MetaReader {
  readonly fleet: SqliteFleet;
  readonly notices: SqliteNotices;
  readonly tracks: SqliteTracks;
  readonly #sql: SqliteStatements;

  constructor(db: Database.Database) {
    this.#sql = new SqliteStatements(db);
    this.fleet = new SqliteFleet(this.#sql);
    this.notices = new SqliteNotices(this.#sql);
    this.tracks = new SqliteTracks(this.#sql);
  }

  async version(component: string, version: string): Promise<ComponentVersion | undefined> {
    return this.one<ComponentVersion>(
      `SELECT ${VERSION_COLUMNS} FROM versions WHERE component = ? AND version = ?`,
      component,
      version,
    );
  }

  async versions(component: string): Promise<readonly ComponentVersion[]> {
    return this.all<ComponentVersion>(
      `SELECT ${VERSION_COLUMNS} FROM versions WHERE component = ? ORDER BY id`,
      component,
    );
  }

  async components(): Promise<readonly string[]> {
    const rows = this.all<{ component: string }>(
      'SELECT DISTINCT component FROM versions ORDER BY component',
    );
    return rows.map((row) => row.component);
  }

  async isArchiveUsed(hash: string): Promise<boolean> {
    // A head revision keeps its archive even where the version's row was lost.
    return (
      this.one(
        `SELECT 1 FROM versions WHERE hash = ?
         UNION ALL SELECT 1 FROM revision_layers l JOIN configurations c ON c.name = l.configuration AND c.head = l.number
         WHERE c.deleted = 0 AND l.hash = ? LIMIT 1`,
        hash,
        hash,
      ) !== undefined
    );
  }

  async archiveUsers(hash: string): Promise<{ versions: string[]; configurations: string[] }> {
    const versions = this.all<{ component: string; version: string }>(
      'SELECT component, version FROM versions WHERE hash = ? ORDER BY component, version',
      hash,
    );
    const configurations = this.all<{ name: string }>(
      `SELECT DISTINCT c.name FROM configurations c
       JOIN revision_layers l ON l.configuration = c.name AND l.number = c.head
       WHERE c.deleted = 0 AND l.hash = ? ORDER BY c.name`,
      hash,
    );
    return {
      versions: versions.map(({ component, version }) => `${component}:${version}`),
      configurations: configurations.map(({ name }) => name),
    };
  }

  async configuration(name: string): Promise<Configuration | undefined> {
    const row = this.one<RevisionRow>(
      `SELECT r.* FROM revisions r JOIN configurations c ON c.name = r.configuration AND c.head = r.number
       WHERE c.name = ? AND c.deleted = 0`,
      name,
    );
    return row === undefined ? undefined : this.#configuration(row);
  }

  async configurations(): Promise<readonly string[]> {
    const rows = this.all<{ name: string }>(
      'SELECT name FROM configurations WHERE deleted = 0 ORDER BY name',
    );
    return rows.map((row) => row.name);
  }

  async revisions(name: string, limit?: number): Promise<readonly Revision[]> {
    const rows = this.all<RevisionRow>(
      'SELECT * FROM revisions WHERE configuration = ? ORDER BY number DESC LIMIT ?',
      name,
      limit ?? -1, // no limit, to SQLite
    );
    return rows.map((row) => this.#revision(row)).reverse();
  }

  async revision(name: string, number: number): Promise<Revision | undefined> {
    const row = this.one<RevisionRow>(
      'SELECT * FROM revisions WHERE configuration = ? AND number = ?',
      name,
      number,
    );
    return row === undefined ? undefined : this.#revision(row);
  }

  async head(name: string): Promise<Revision | undefined> {
    const row = this.one<RevisionRow>(
      'SELECT * FROM revisions WHERE configuration = ? ORDER BY number DESC LIMIT 1',
      name,
    );
    return row === undefined ? undefined : this.#revision(row);
  }

  async configurationsUsing(component: string, version?: string): Promise<readonly string[]> {
    const rows = this.all<{ name: string }>(
      `SELECT c.name FROM configurations c
       JOIN revision_layers l ON l.configuration = c.name AND l.number = c.head
       WHERE c.deleted = 0 AND l.component = ? AND (? IS NULL OR l.version = ?) ORDER BY c.name`,
      component,
      version ?? null,
      version ?? null,
    );
    return rows.map((row) => row.name);
  }

  async configurationsWith(kind: LayerFileKind, hash: string): Promise<readonly string[]> {
    const archives =
      kind === 'archive'
        ? [hash]
        : this.all<{ archive: string }>(`SELECT archive FROM archive_indexes WHERE ${kind} = ?`, hash).map(
            ({ archive }) => archive,
          );
    const names = archives.flatMap((archive) =>
      this.all<{ name: string }>(CONFIGURATIONS_WITH_ARCHIVE, archive, archive).map(({ name }) => name),
    );
    return [...new Set(names)];
  }

  async uploads(owner?: string): Promise<readonly Upload[]> {
    return this.all<Upload>(
      'SELECT hash, owner, size, created FROM uploads WHERE ? IS NULL OR owner = ? ORDER BY created, hash, owner',
      owner ?? null,
      owner ?? null,
    );
  }

  async hasUpload(hash: string): Promise<boolean> {
    return this.one('SELECT 1 FROM uploads WHERE hash = ? LIMIT 1', hash) !== undefined;
  }

  async index(archive: string): Promise<ArchiveIndex | undefined> {
    const row = this.one<IndexRow>(`SELECT ${INDEX_COLUMNS} FROM archive_indexes WHERE archive = ?`, archive);
    return row === undefined ? undefined : indexOf(row);
  }

  async indexes(): Promise<readonly ArchiveIndex[]> {
    return this.all<IndexRow>(`SELECT ${INDEX_COLUMNS} FROM archive_indexes ORDER BY archive`).map(indexOf);
  }

  async isIndexFileUsed(hash: string): Promise<boolean> {
    return (
      this.one(
        `SELECT 1 FROM archive_indexes WHERE manifest = ?
         UNION ALL SELECT 1 FROM archive_indexes WHERE pack = ? LIMIT 1`,
        hash,
        hash,
      ) !== undefined
    );
  }

  async newestIndexed(): Promise<readonly IndexedArchive[]> {
    return this.all<IndexRow & { manifest: string }>(NEWEST_INDEXED).map(indexedOf);
  }

  async archivesByUse(): Promise<readonly string[]> {
    return this.all<{ hash: string }>(ARCHIVES_BY_USE).map(({ hash }) => hash);
  }

  async audit(query: AuditQuery): Promise<readonly AuditRecord[]> {
    const { sql, parameters } = auditSelect(query);
    return this.all<AuditRow>(sql, ...parameters)
      .map(auditRecord)
      .reverse();
  }

  protected one<Row>(sql: string, ...parameters: unknown[]): Row | undefined {
    return this.#sql.one<Row>(sql, ...parameters);
  }

  protected all<Row>(sql: string, ...parameters: unknown[]): Row[] {
    return this.#sql.all<Row>(sql, ...parameters);
  }

  protected run(sql: string, ...parameters: unknown[]): ReturnType<SqliteStatements['run']> {
    return this.#sql.run(sql, ...parameters);
  }

  #revision(row: RevisionRow): Revision {
    const { fingerprint, comment, user, address } = row;
    return {
      ...this.#configuration(row),
      author: { fingerprint, comment, user, address },
      command: row.command,
    };
  }

  #configuration(row: RevisionRow): Configuration {
    const layers = this.all<ComponentVersion>(
      `SELECT ${VERSION_COLUMNS} FROM revision_layers WHERE configuration = ? AND number = ? ORDER BY position`,
      row.configuration,
      row.number,
    );
    return { name: row.configuration, revision: row.number, mtime: row.mtime, hash: row.hash, layers };
  }
}
