import type {
  Attempt,
  DeployQuery,
  DeployRecord,
  FleetWriter,
  HostLog,
  HostRecord,
  HostState,
  Landing,
} from '../fleet-store.js';
import {
  type DeployRow,
  deployRecord,
  deploySelect,
  type HostRow,
  type HostStateRow,
  hostRecord,
  hostState,
} from './fleet-rows.js';
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
    const row = this.#sql.one<{ deploy: string; log: string }>(
      `SELECT log_deploy AS deploy, log FROM host_states
       WHERE host = ? AND configuration = ? AND log IS NOT NULL`,
      host,
      configuration,
    );
    return row === undefined ? undefined : { deploy: row.deploy, lines: JSON.parse(row.log) as string[] };
  }

  async deploys(query: DeployQuery): Promise<readonly DeployRecord[]> {
    const { sql, parameters } = deploySelect(query);
    return this.#sql
      .all<DeployRow>(sql, ...parameters)
      .map(deployRecord)
      .reverse();
  }

  async deployLog(host: string, configuration: string, deploy: string): Promise<readonly string[]> {
    const row = this.#sql.one<{ log: string | null }>(
      'SELECT log FROM deploys WHERE host = ? AND configuration = ? AND deploy = ?',
      host,
      configuration,
      deploy,
    );
    return row?.log == null ? [] : (JSON.parse(row.log) as string[]);
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

  async putHostLog(host: string, configuration: string, { deploy, lines }: HostLog): Promise<void> {
    this.#sql.run(
      'UPDATE host_states SET log_deploy = ?, log = ? WHERE host = ? AND configuration = ?',
      ...[deploy, JSON.stringify(lines), host, configuration],
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

  async putDeploy({ time, host, key, address, report }: DeployRecord, log: readonly string[]): Promise<void> {
    this.#sql.run(
      `INSERT INTO deploys
         (time, host, configuration, deploy, state, revision, report, log, fingerprint, comment, address)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (host, configuration, deploy) DO UPDATE SET time = excluded.time, state = excluded.state,
         revision = excluded.revision, report = excluded.report, log = coalesce(excluded.log, log),
         fingerprint = excluded.fingerprint, comment = excluded.comment, address = excluded.address
       WHERE excluded.state <> state AND excluded.state <> 'failed'`,
      ...[time, host, report.config, report.deploy, report.state, report.revision ?? null],
      ...[JSON.stringify(report), log.length === 0 ? null : JSON.stringify(log)],
      ...[key.fingerprint, key.comment, address],
    );
  }

  async trimDeploys(host: string, configuration: string, keep: number): Promise<number> {
    return this.#sql.run(
      `DELETE FROM deploys WHERE host = ? AND configuration = ? AND id <= (
         SELECT id FROM deploys WHERE host = ? AND configuration = ? ORDER BY id DESC LIMIT 1 OFFSET ?)`,
      ...[host, configuration, host, configuration, keep],
    ).changes;
  }

  async deleteDeploysBefore(time: string, keep: number): Promise<number> {
    return this.#sql.run(
      `DELETE FROM deploys WHERE time < ? AND id NOT IN (
         SELECT id FROM (
           SELECT id, row_number() OVER (PARTITION BY host, configuration ORDER BY id DESC) AS place FROM deploys
         ) WHERE place <= ?)`,
      time,
      keep,
    ).changes;
  }
}
