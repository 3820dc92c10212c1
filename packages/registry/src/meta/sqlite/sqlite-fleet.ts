import type {
  Attempt,
  DeployLog,
  DeployQuery,
  DeployRecord,
  FleetWriter,
  HistoryPart,
  HistorySize,
  HostLog,
  HostRecord,
  HostState,
  Landing,
  LogGap,
} from '../fleet-store.js';
import { RECENT_DEPLOYS } from '../fleet-store.js';
import {
  type DeployRow,
  deployRecord,
  deploySelect,
  type HostRow,
  type HostStateRow,
  hostRecord,
  hostState,
  type LogRow,
  logOf,
} from './fleet-rows.js';
import { dropOldest, historySize } from './sqlite-history.js';
import type { SqliteStatements } from './sqlite-statements.js';

/** What hosts reported, over one SQLite connection; its caller holds an open transaction. */
export class SqliteFleet implements FleetWriter {
  readonly #sql: SqliteStatements;

  constructor(sql: SqliteStatements) {
    this.#sql = sql;
  }

  async hosts(): Promise<readonly HostRecord[]> {
    return this.#sql.all<HostRow>('SELECT * FROM hosts ORDER BY host').map(hostRecord);
  }

  async hostStates(): Promise<readonly HostState[]> {
    return this.#sql
      .all<HostStateRow>(
        'SELECT host, configuration, report, changed, contact FROM host_states ORDER BY host, configuration',
      )
      .map(hostState);
  }

  async hostLog(host: string, configuration: string): Promise<HostLog | undefined> {
    const row = this.#sql.one<LogRow & { deploy: string }>(
      `SELECT log_deploy AS deploy, log, log_gap AS gap FROM host_states
       WHERE host = ? AND configuration = ? AND log IS NOT NULL`,
      host,
      configuration,
    );
    return row === undefined ? undefined : { deploy: row.deploy, ...logOf(row) };
  }

  async deploys(query: DeployQuery): Promise<readonly DeployRecord[]> {
    const { sql, parameters } = deploySelect(query);
    return this.#sql
      .all<DeployRow>(sql, ...parameters)
      .map(deployRecord)
      .reverse();
  }

  async deployLog(host: string, configuration: string, deploy: string): Promise<DeployLog> {
    const row = this.#sql.one<LogRow>(
      `SELECT log, log_gap AS gap FROM deploys LEFT JOIN deploy_logs ON deploy_id = id
       WHERE host = ? AND configuration = ? AND deploy = ?`,
      host,
      configuration,
      deploy,
    );
    return logOf(row ?? { log: null, gap: null });
  }

  async historySize(part: HistoryPart): Promise<HistorySize> {
    return historySize(this.#sql, part);
  }

  async attempts(configuration: string, fromRevision: number): Promise<readonly Attempt[]> {
    return this.#sql
      .all<Omit<Attempt, 'hash'> & { hash: string | null }>(
        `SELECT host, revision, state, report ->> '$.hash' AS hash FROM deploys WHERE id IN (
           SELECT max(id) FROM deploys WHERE configuration = ? AND revision >= ? GROUP BY host, revision
         ) ORDER BY id`,
        configuration,
        fromRevision,
      )
      .map((row) => ({ ...row, hash: row.hash ?? undefined }));
  }

  async landings(configuration: string, fromRevision: number): Promise<readonly Landing[]> {
    return this.#sql.all<Landing>(
      `SELECT revision, state, count(*) AS hosts FROM deploys WHERE id IN (
         SELECT max(id) FROM deploys WHERE configuration = ? AND revision >= ? GROUP BY host, revision
       ) GROUP BY revision, state ORDER BY revision, state`,
      configuration,
      fromRevision,
    );
  }

  async mostFailures(configuration: string, revision: number): Promise<number> {
    const row = this.#sql.one<{ most: number | null }>(
      `SELECT max(failures) AS most FROM (
         SELECT count(*) AS failures FROM deploys
         WHERE configuration = ? AND revision = ? AND state <> 'healthy' GROUP BY host)`,
      configuration,
      revision,
    );
    return row?.most ?? 0;
  }

  async putHost({ host, key, agent, labels, firstSeen }: HostRecord): Promise<void> {
    this.#sql.run(
      `INSERT INTO hosts (host, fingerprint, comment, agent, labels, first_seen) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (host) DO UPDATE SET fingerprint = excluded.fingerprint, comment = excluded.comment,
         agent = excluded.agent, labels = excluded.labels`,
      ...[host, key.fingerprint, key.comment, agent, JSON.stringify(labels), firstSeen],
    );
  }

  async deleteHost(host: string): Promise<void> {
    this.#sql.run('DELETE FROM host_states WHERE host = ?', host);
    this.#sql.run('DELETE FROM hosts WHERE host = ?', host);
  }

  async putHostState({ host, configuration, report, changed, contact }: HostState): Promise<void> {
    this.#sql.run(
      `INSERT INTO host_states (host, configuration, report, changed, contact) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (host, configuration) DO UPDATE SET report = excluded.report, changed = excluded.changed,
         contact = excluded.contact`,
      ...[host, configuration, report === undefined ? null : JSON.stringify(report), changed, contact],
    );
  }

  async putHostLog(host: string, configuration: string, { deploy, lines, gap }: HostLog): Promise<void> {
    this.#sql.run(
      'UPDATE host_states SET log_deploy = ?, log = ?, log_gap = ? WHERE host = ? AND configuration = ?',
      ...[deploy, JSON.stringify(lines), gap ?? null, host, configuration],
    );
  }

  async touchHostState(host: string, configuration: string, contact: string): Promise<void> {
    this.#sql.run(
      'UPDATE host_states SET contact = ? WHERE host = ? AND configuration = ?',
      ...[contact, host, configuration],
    );
  }

  async deleteHostState(host: string, configuration: string): Promise<void> {
    this.#sql.run('DELETE FROM host_states WHERE host = ? AND configuration = ?', host, configuration);
  }

  async putDeploy(record: DeployRecord, log: readonly string[] | LogGap): Promise<void> {
    const { time, host, key, address, report } = record;
    const text = typeof log === 'string' || log.length === 0 ? undefined : JSON.stringify(log);
    const stored = this.#sql.one<{ id: number }>(
      `INSERT INTO deploys (time, host, configuration, deploy, state, revision, report, log_bytes, log_gap,
         fingerprint, comment, address, recent)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)
       ON CONFLICT (host, configuration, deploy) DO UPDATE SET time = excluded.time, state = excluded.state,
         revision = excluded.revision, report = excluded.report, fingerprint = excluded.fingerprint,
         comment = excluded.comment, address = excluded.address,
         log_bytes = CASE WHEN excluded.log_bytes = 0 THEN log_bytes ELSE excluded.log_bytes END,
         log_gap = CASE WHEN excluded.log_bytes = 0 THEN coalesce(excluded.log_gap, log_gap) END
       WHERE excluded.state <> state AND excluded.state <> 'failed'
       RETURNING id`,
      ...[time, host, report.config, report.deploy, report.state, report.revision ?? null],
      ...[JSON.stringify(report), text === undefined ? 0 : Buffer.byteLength(text)],
      ...[typeof log === 'string' ? log : null, key.fingerprint, key.comment, address],
    );
    if (stored === undefined) return;
    if (text !== undefined) {
      this.#sql.run('INSERT OR REPLACE INTO deploy_logs (deploy_id, log) VALUES (?, ?)', stored.id, text);
    }
    this.#sql.run(
      `UPDATE deploys SET recent = 0 WHERE recent = 1 AND id = (
         SELECT id FROM deploys WHERE host = ? AND configuration = ? ORDER BY id DESC LIMIT 1 OFFSET ?)`,
      ...[host, report.config, RECENT_DEPLOYS],
    );
  }

  async dropOldest(part: HistoryPart, fingerprint: string, bytes: number): Promise<number> {
    return dropOldest(this.#sql, part, { fingerprint, bytes });
  }

  async trimDeploys(host: string, configuration: string, keep: number): Promise<number> {
    return this.#sql.run(
      `DELETE FROM deploys WHERE host = ? AND configuration = ? AND id <= (
         SELECT id FROM deploys WHERE host = ? AND configuration = ? ORDER BY id DESC LIMIT 1 OFFSET ?)`,
      ...[host, configuration, host, configuration, keep],
    ).changes;
  }

  async deleteDeploysBefore(time: string): Promise<number> {
    return this.#sql.run(
      'DELETE FROM deploys WHERE id IN (SELECT id FROM deploys WHERE recent = 0 AND time < ? LIMIT 200)',
      time,
    ).changes;
  }
}
