import type {
  AgentKey,
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
import { dropOldest, historySize } from './sqlite-history.js';
import { type SqliteStatements, whereAll } from './sqlite-statements.js';
import { decodeColumn, decodeStrings, STORED } from './stored-json.js';

/** The newest attempt of each host at each revision of a configuration, from a revision on. */
const LAST_ATTEMPTS =
  'SELECT max(id) FROM deploys WHERE configuration = ? AND revision >= ? GROUP BY host, revision';

interface LogRow {
  readonly log: string | null;
  readonly gap: LogGap | null;
}

/** The records of hosts over one SQLite connection; its caller holds an open transaction. */
export class SqliteFleet implements FleetWriter {
  readonly #sql: SqliteStatements;

  constructor(sql: SqliteStatements) {
    this.#sql = sql;
  }

  async hosts(): Promise<readonly HostRecord[]> {
    const rows = this.#sql.all<AgentKey & Omit<HostRecord, 'key' | 'labels'> & { labels: string }>(
      'SELECT host, fingerprint, comment, agent, labels, first_seen AS firstSeen FROM hosts ORDER BY host',
    );
    return rows.map(({ fingerprint, comment, labels, ...row }) => ({
      ...row,
      key: { fingerprint, comment },
      labels: decodeColumn(labels, STORED.labels, `the labels of host ${row.host}`),
    }));
  }

  async hostStates(): Promise<readonly HostState[]> {
    const rows = this.#sql.all<Omit<HostState, 'report'> & { report: string | null }>(
      'SELECT host, configuration, report, changed, contact FROM host_states ORDER BY host, configuration',
    );
    return rows.map(({ report, ...row }) => ({
      ...row,
      report:
        report === null ? undefined : decodeColumn(report, STORED.report, `the report of host ${row.host}`),
    }));
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
    const { where, parameters } = whereAll({
      'configuration = ?': query.configuration,
      'host = ?': query.host,
      '(configuration = ? OR host = ?)': query.subject,
      '(fingerprint = ? OR instr(comment, ?) > 0)': query.who,
      'deploy = ?': query.deploy,
      'time >= ?': query.since,
      "state <> 'healthy'": query.failed || undefined,
    });
    const rows = this.#sql.all<AgentKey & Omit<DeployRecord, 'key' | 'report'> & { report: string }>(
      `SELECT time, host, report, fingerprint, comment, address FROM deploys ${where} ORDER BY id DESC LIMIT ?`,
      ...parameters,
      query.limit,
    );
    const records = rows.map(({ fingerprint, comment, report, ...row }) => ({
      ...row,
      key: { fingerprint, comment },
      report: decodeColumn(report, STORED.outcome, `a deploy of host ${row.host}`),
    }));
    return records.reverse();
  }

  async deployLog(host: string, configuration: string, deploy: string): Promise<DeployLog> {
    const row = this.#sql.one<LogRow>(
      `SELECT log, log_gap AS gap FROM deploys LEFT JOIN deploy_logs ON deploy_id = id
       WHERE host = ? AND configuration = ? AND deploy = ?`,
      ...[host, configuration, deploy],
    );
    return logOf(row ?? { log: null, gap: null });
  }

  async historySize(part: HistoryPart): Promise<HistorySize> {
    return historySize(this.#sql, part);
  }

  async attempts(configuration: string, fromRevision: number): Promise<readonly Attempt[]> {
    const rows = this.#sql.all<Omit<Attempt, 'hash'> & { hash: string | null }>(
      `SELECT host, revision, state, report ->> '$.hash' AS hash FROM deploys WHERE id IN (${LAST_ATTEMPTS})
       ORDER BY id`,
      ...[configuration, fromRevision],
    );
    return rows.map((row) => ({ ...row, hash: row.hash ?? undefined }));
  }

  async landings(configuration: string, fromRevision: number): Promise<readonly Landing[]> {
    return this.#sql.all<Landing>(
      `SELECT revision, state, count(*) AS hosts FROM deploys WHERE id IN (${LAST_ATTEMPTS})
       GROUP BY revision, state ORDER BY revision, state`,
      ...[configuration, fromRevision],
    );
  }

  async mostFailures(configuration: string, revision: number): Promise<number> {
    const row = this.#sql.one<{ most: number | null }>(
      `SELECT max(failures) AS most FROM (
         SELECT count(*) AS failures FROM deploys
         WHERE configuration = ? AND revision = ? AND state <> 'healthy' GROUP BY host)`,
      ...[configuration, revision],
    );
    return row?.most ?? 0;
  }

  async putHost({ host, key, agent, labels, firstSeen }: HostRecord): Promise<void> {
    const { fingerprint, comment } = key;
    const row = { host, fingerprint, comment, agent, labels: JSON.stringify(labels), first_seen: firstSeen };
    this.#sql.insert(
      'hosts',
      row,
      `ON CONFLICT (host) DO UPDATE SET fingerprint = excluded.fingerprint, comment = excluded.comment,
         agent = excluded.agent, labels = excluded.labels`,
    );
  }

  async deleteHost(host: string): Promise<void> {
    this.#sql.run('DELETE FROM host_states WHERE host = ?', host);
    this.#sql.run('DELETE FROM hosts WHERE host = ?', host);
  }

  async putHostState({ host, configuration, report, changed, contact }: HostState): Promise<void> {
    const row = { host, configuration, report: report && JSON.stringify(report), changed, contact };
    this.#sql.put('host_states', ['host', 'configuration'], row);
  }

  async putHostLog(host: string, configuration: string, { deploy, lines, gap }: HostLog): Promise<void> {
    this.#sql.run(
      'UPDATE host_states SET log_deploy = ?, log = ?, log_gap = ? WHERE host = ? AND configuration = ?',
      ...[deploy, JSON.stringify(lines), gap ?? null, host, configuration],
    );
  }

  async touchHostState(host: string, configuration: string, contact: string): Promise<void> {
    const sql = 'UPDATE host_states SET contact = ? WHERE host = ? AND configuration = ?';
    this.#sql.run(sql, contact, host, configuration);
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
    if (text !== undefined) this.#sql.put('deploy_logs', ['deploy_id'], { deploy_id: stored.id, log: text });
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
    );
  }

  async deleteDeploysBefore(time: string): Promise<number> {
    return this.#sql.run(
      'DELETE FROM deploys WHERE id IN (SELECT id FROM deploys WHERE recent = 0 AND time < ? LIMIT 200)',
      time,
    );
  }
}

function logOf({ log, gap }: LogRow): DeployLog {
  const lines = log === null ? [] : decodeStrings(log, 'the log of a deploy');
  return gap === null ? { lines } : { lines, gap };
}
