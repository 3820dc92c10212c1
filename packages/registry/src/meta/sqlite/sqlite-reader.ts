import type { ComponentVersion, Configuration } from '@deploy-tools/shared/model.js';
import type Database from 'better-sqlite3';
import type { Author } from '../author.js';
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
import { readAudit } from './sqlite-audit.js';
import { SqliteFleet } from './sqlite-fleet.js';
import {
  ARCHIVES_BY_USE,
  CONFIGURATIONS_WITH_ARCHIVE,
  type IndexedRow,
  type IndexRow,
  indexedOf,
  indexOf,
  NEWEST_INDEXED,
} from './sqlite-index.js';
import { SqliteNotices } from './sqlite-notices.js';
import { SqliteStatements } from './sqlite-statements.js';
import { SqliteTracks } from './sqlite-tracks.js';

const VERSION_COLUMNS = 'component, version, hash, size, created';
/** The layers of all heads, deleted configurations left out. */
const HEAD_LAYERS = `configurations c JOIN revision_layers l ON l.configuration = c.name AND l.number = c.head
  WHERE c.deleted = 0`;

interface RevisionRow extends Author {
  readonly configuration: string;
  readonly number: number;
  readonly mtime: string;
  readonly hash: string;
  readonly command: string;
}

/** The reading half of the port over one SQLite connection. */
export class SqliteReader implements MetaReader {
  readonly fleet: SqliteFleet;
  readonly notices: SqliteNotices;
  readonly tracks: SqliteTracks;
  protected readonly sql: SqliteStatements;

  constructor(db: Database.Database) {
    this.sql = new SqliteStatements(db);
    this.fleet = new SqliteFleet(this.sql);
    this.notices = new SqliteNotices(this.sql);
    this.tracks = new SqliteTracks(this.sql);
  }

  async version(component: string, version: string): Promise<ComponentVersion | undefined> {
    const sql = `SELECT ${VERSION_COLUMNS} FROM versions WHERE component = ? AND version = ?`;
    return this.sql.one<ComponentVersion>(sql, component, version);
  }

  async versions(component: string): Promise<readonly ComponentVersion[]> {
    const sql = `SELECT ${VERSION_COLUMNS} FROM versions WHERE component = ? ORDER BY id`;
    return this.sql.all<ComponentVersion>(sql, component);
  }

  async components(): Promise<readonly string[]> {
    return this.sql.texts('SELECT DISTINCT component FROM versions ORDER BY component');
  }

  /** A head revision keeps its archive even where the version's row was lost. */
  async isArchiveUsed(hash: string): Promise<boolean> {
    const sql = `SELECT 1 FROM versions WHERE hash = ? UNION ALL SELECT 1 FROM ${HEAD_LAYERS} AND l.hash = ? LIMIT 1`;
    return this.sql.has(sql, hash, hash);
  }

  async archiveUsers(hash: string): Promise<{ versions: string[]; configurations: string[] }> {
    return {
      versions: this.sql.texts(
        "SELECT component || ':' || version FROM versions WHERE hash = ? ORDER BY component, version",
        hash,
      ),
      configurations: this.sql.texts(
        `SELECT DISTINCT c.name FROM ${HEAD_LAYERS} AND l.hash = ? ORDER BY c.name`,
        hash,
      ),
    };
  }

  async configuration(name: string): Promise<Configuration | undefined> {
    const row = this.sql.one<RevisionRow>(
      `SELECT r.* FROM revisions r JOIN configurations c ON c.name = r.configuration AND c.head = r.number
       WHERE c.name = ? AND c.deleted = 0`,
      name,
    );
    return row === undefined ? undefined : this.#configuration(row);
  }

  async configurations(): Promise<readonly string[]> {
    return this.sql.texts('SELECT name FROM configurations WHERE deleted = 0 ORDER BY name');
  }

  async revisions(name: string, limit = -1): Promise<readonly Revision[]> {
    const sql = 'SELECT * FROM revisions WHERE configuration = ? ORDER BY number DESC LIMIT ?'; // -1: all
    const rows = this.sql.all<RevisionRow>(sql, name, limit);
    return rows.map((row) => this.#revision(row)).reverse();
  }

  async revision(name: string, number: number): Promise<Revision | undefined> {
    const sql = 'SELECT * FROM revisions WHERE configuration = ? AND number = ?';
    const row = this.sql.one<RevisionRow>(sql, name, number);
    return row === undefined ? undefined : this.#revision(row);
  }

  async head(name: string): Promise<Revision | undefined> {
    return (await this.revisions(name, 1))[0];
  }

  async lastRevision(name: string): Promise<number> {
    const sql = 'SELECT max(number) AS last FROM revisions WHERE configuration = ?';
    return this.sql.one<{ last: number | null }>(sql, name)?.last ?? 0;
  }

  async configurationsUsing(component: string, version?: string): Promise<readonly string[]> {
    const wanted = version ?? null;
    const sql = `SELECT c.name FROM ${HEAD_LAYERS} AND l.component = ? AND (? IS NULL OR l.version = ?) ORDER BY c.name`;
    return this.sql.texts(sql, component, wanted, wanted);
  }

  async configurationsWith(kind: LayerFileKind, hash: string): Promise<readonly string[]> {
    const archives =
      kind === 'archive'
        ? [hash]
        : this.sql.texts(`SELECT archive FROM archive_indexes WHERE ${kind} = ?`, hash);
    const names = archives.flatMap((archive) =>
      this.sql.texts(CONFIGURATIONS_WITH_ARCHIVE, archive, archive),
    );
    return [...new Set(names)];
  }

  async uploads(owner?: string): Promise<readonly Upload[]> {
    const wanted = owner ?? null;
    const sql =
      'SELECT hash, owner, size, created FROM uploads WHERE ? IS NULL OR owner = ? ORDER BY created, hash, owner';
    return this.sql.all<Upload>(sql, wanted, wanted);
  }

  async hasUpload(hash: string): Promise<boolean> {
    return this.sql.has('SELECT 1 FROM uploads WHERE hash = ? LIMIT 1', hash);
  }

  async index(archive: string): Promise<ArchiveIndex | undefined> {
    const row = this.sql.one<IndexRow>('SELECT * FROM archive_indexes WHERE archive = ?', archive);
    return row === undefined ? undefined : indexOf(row);
  }

  async indexes(): Promise<readonly ArchiveIndex[]> {
    return this.sql.all<IndexRow>('SELECT * FROM archive_indexes ORDER BY archive').map(indexOf);
  }

  async isIndexFileUsed(hash: string): Promise<boolean> {
    const sql = `SELECT 1 FROM archive_indexes WHERE manifest = ?
                 UNION ALL SELECT 1 FROM archive_indexes WHERE pack = ? LIMIT 1`;
    return this.sql.has(sql, hash, hash);
  }

  async newestIndexed(): Promise<readonly IndexedArchive[]> {
    return this.sql.all<IndexedRow>(NEWEST_INDEXED).map(indexedOf);
  }

  async archivesByUse(): Promise<readonly string[]> {
    return this.sql.texts(ARCHIVES_BY_USE);
  }

  async audit(query: AuditQuery): Promise<readonly AuditRecord[]> {
    return readAudit(this.sql, query);
  }

  #revision(row: RevisionRow): Revision {
    const { fingerprint, comment, user, address, command } = row;
    return { ...this.#configuration(row), author: { fingerprint, comment, user, address }, command };
  }

  #configuration({ configuration: name, number: revision, mtime, hash }: RevisionRow): Configuration {
    const layers = this.sql.all<ComponentVersion>(
      `SELECT ${VERSION_COLUMNS} FROM revision_layers WHERE configuration = ? AND number = ? ORDER BY position`,
      name,
      revision,
    );
    return { name, revision, mtime, hash, layers };
  }
}
