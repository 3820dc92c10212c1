import { DeployError } from '@deploy-tools/shared/errors.js';
import {
  type FollowedTrack,
  NO_PROGRESS,
  type Track,
  type TrackProgress,
  type TrackWriter,
} from '../track-store.js';
import type { SqliteStatements } from './sqlite-statements.js';
import { decodeColumn, decodeStrings, STORED } from './stored-json.js';

interface TrackRow extends Omit<Track, 'bump' | 'slot' | 'author'> {
  readonly bump: string;
  readonly slot: string | null;
  readonly author: string;
  readonly progress: string;
}

const SELECT_TRACKS = `
  SELECT component, source, bump, interval_ms AS intervalMs, os, arch, slot, author, created, progress FROM tracks`;

/** Tracks over one SQLite connection; its caller holds an open transaction. */
export class SqliteTracks implements TrackWriter {
  readonly #sql: SqliteStatements;

  constructor(sql: SqliteStatements) {
    this.#sql = sql;
  }

  async tracks(): Promise<readonly FollowedTrack[]> {
    return this.#sql.all<TrackRow>(`${SELECT_TRACKS} ORDER BY component`).map(followedTrack);
  }

  async track(component: string): Promise<FollowedTrack | undefined> {
    const row = this.#sql.one<TrackRow>(`${SELECT_TRACKS} WHERE component = ?`, component);
    return row === undefined ? undefined : followedTrack(row);
  }

  async yanked(component: string): Promise<readonly string[]> {
    const sql = 'SELECT version FROM yanked_versions WHERE component = ? ORDER BY version';
    return this.#sql.texts(sql, component);
  }

  async insertTrack({
    component,
    source,
    bump,
    intervalMs,
    os,
    arch,
    slot,
    author,
    created,
  }: Track): Promise<void> {
    if ((await this.track(component)) !== undefined)
      throw new DeployError('exists', `component "${component}" follows a source already`, {
        hint: 'tracks shows the track, deltrack ends it',
      });
    const json = {
      bump: JSON.stringify(bump),
      author: JSON.stringify(author),
      progress: JSON.stringify(NO_PROGRESS),
    };
    this.#sql.insert('tracks', {
      component,
      source,
      interval_ms: intervalMs,
      os,
      arch,
      slot,
      created,
      ...json,
    });
  }

  async deleteTrack(component: string): Promise<void> {
    this.#sql.run('DELETE FROM tracks WHERE component = ?', component);
  }

  async putProgress(component: string, progress: TrackProgress): Promise<void> {
    this.#sql.run('UPDATE tracks SET progress = ? WHERE component = ?', JSON.stringify(progress), component);
  }

  async yank(component: string, version: string, time: string): Promise<void> {
    this.#sql.insert('yanked_versions', { component, version, time }, 'ON CONFLICT DO NOTHING');
  }

  async unyank(component: string, version: string): Promise<boolean> {
    const sql = 'DELETE FROM yanked_versions WHERE component = ? AND version = ?';
    return this.#sql.run(sql, component, version) > 0;
  }
}

function followedTrack({ progress, ...row }: TrackRow): FollowedTrack {
  const { component } = row;
  return {
    track: {
      ...row,
      bump: decodeStrings(row.bump, `the configurations of the track of ${component}`),
      slot: row.slot ?? undefined,
      author: decodeColumn(row.author, STORED.author, `the author of the track of ${component}`),
    },
    progress: {
      ...NO_PROGRESS,
      ...decodeColumn(progress, STORED.progress, `the progress of the track of ${component}`),
    },
  };
}
