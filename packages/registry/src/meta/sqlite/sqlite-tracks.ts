import { DeployError } from '@deploy-tools/shared/errors.js';
import type { FollowedTrack, Track, TrackProgress, TrackWriter } from '../track-store.js';
import type { SqliteStatements } from './sqlite-statements.js';
import { decodeAuthor, decodeProgress, decodeStrings } from './stored-json.js';

interface TrackRow {
  readonly component: string;
  readonly source: string;
  readonly bump: string;
  readonly interval_ms: number;
  readonly os: string;
  readonly arch: string;
  readonly slot: string | null;
  readonly author: string;
  readonly created: string;
  readonly progress: string;
}

/** Tracks over one SQLite connection; its caller holds an open transaction. */
export class SqliteTracks implements TrackWriter {
  readonly #sql: SqliteStatements;

  constructor(sql: SqliteStatements) {
    this.#sql = sql;
  }

  async tracks(): Promise<readonly FollowedTrack[]> {
    return this.#sql.all<TrackRow>('SELECT * FROM tracks ORDER BY component').map(followedTrack);
  }

  async track(component: string): Promise<FollowedTrack | undefined> {
    const row = this.#sql.one<TrackRow>('SELECT * FROM tracks WHERE component = ?', component);
    return row === undefined ? undefined : followedTrack(row);
  }

  async yanked(component: string): Promise<readonly string[]> {
    return this.#sql
      .all<{ version: string }>(
        'SELECT version FROM yanked_versions WHERE component = ? ORDER BY version',
        component,
      )
      .map(({ version }) => version);
  }

  async insertTrack(track: Track): Promise<void> {
    if ((await this.track(track.component)) !== undefined)
      throw new DeployError('exists', `component "${track.component}" follows a source already`, {
        hint: 'tracks shows it, deltrack ends it',
      });
    this.#sql.run(
      `INSERT INTO tracks (component, source, bump, interval_ms, os, arch, slot, author, created, progress)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '{"waiting":[]}')`,
      track.component,
      track.source,
      JSON.stringify(track.bump),
      track.intervalMs,
      track.os,
      track.arch,
      track.slot ?? null,
      JSON.stringify(track.author),
      track.created,
    );
  }

  async deleteTrack(component: string): Promise<void> {
    this.#sql.run('DELETE FROM tracks WHERE component = ?', component);
  }

  async putProgress(component: string, progress: TrackProgress): Promise<void> {
    this.#sql.run('UPDATE tracks SET progress = ? WHERE component = ?', JSON.stringify(progress), component);
  }

  async yank(component: string, version: string, time: string): Promise<void> {
    this.#sql.run(
      'INSERT OR IGNORE INTO yanked_versions (component, version, time) VALUES (?, ?, ?)',
      component,
      version,
      time,
    );
  }

  async unyank(component: string, version: string): Promise<boolean> {
    const sql = 'DELETE FROM yanked_versions WHERE component = ? AND version = ?';
    return this.#sql.run(sql, component, version).changes > 0;
  }
}

function followedTrack(row: TrackRow): FollowedTrack {
  const { component } = row;
  return {
    track: {
      component,
      source: row.source,
      bump: decodeStrings(row.bump, `the configurations of the track of ${component}`),
      intervalMs: row.interval_ms,
      os: row.os,
      arch: row.arch,
      slot: row.slot ?? undefined,
      author: decodeAuthor(row.author, component),
      created: row.created,
    },
    progress: decodeProgress(row.progress, component),
  };
}
