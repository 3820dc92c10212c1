import type { DeployLog, DeployQuery, DeployRecord, HostRecord, HostState, LogGap } from '../fleet-store.js';
import { decodeLabels, decodeOutcome, decodeReport, decodeStrings } from './stored-json.js';

export interface HostRow {
  readonly host: string;
  readonly fingerprint: string;
  readonly comment: string;
  readonly agent: string;
  readonly labels: string;
  readonly first_seen: string;
}

export interface HostStateRow {
  readonly host: string;
  readonly configuration: string;
  readonly report: string | null;
  readonly changed: string;
  readonly contact: string;
}

export interface DeployRow {
  readonly time: string;
  readonly host: string;
  readonly report: string;
  readonly fingerprint: string;
  readonly comment: string;
  readonly address: string;
}

export interface LogRow {
  readonly log: string | null;
  readonly gap: string | null;
}

export function hostRecord({ host, fingerprint, comment, agent, labels, first_seen }: HostRow): HostRecord {
  return {
    host,
    key: { fingerprint, comment },
    agent,
    labels: decodeLabels(labels, host),
    firstSeen: first_seen,
  };
}

export function hostState({ report, ...row }: HostStateRow): HostState {
  return { ...row, report: report === null ? undefined : decodeReport(report, row.host) };
}

export function deployRecord({ time, host, report, fingerprint, comment, address }: DeployRow): DeployRecord {
  return { time, host, key: { fingerprint, comment }, address, report: decodeOutcome(report, host) };
}

export function logOf({ log, gap }: LogRow): DeployLog {
  const lines = log === null ? [] : decodeStrings(log, 'the log of a deploy');
  return gap === null ? { lines } : { lines, gap: gap as LogGap };
}

/** The query as SQL, newest first. */
export function deploySelect(query: DeployQuery): { sql: string; parameters: unknown[] } {
  const conditions: string[] = [];
  const parameters: unknown[] = [];
  const add = (condition: string, ...values: unknown[]) => {
    conditions.push(condition);
    parameters.push(...values);
  };
  if (query.configuration !== undefined) add('configuration = ?', query.configuration);
  if (query.host !== undefined) add('host = ?', query.host);
  if (query.subject !== undefined) add('(configuration = ? OR host = ?)', query.subject, query.subject);
  if (query.who !== undefined) add('(fingerprint = ? OR instr(comment, ?) > 0)', query.who, query.who);
  if (query.deploy !== undefined) add('deploy = ?', query.deploy);
  if (query.since !== undefined) add('time >= ?', query.since);
  if (query.failed === true) add("state <> 'healthy'");
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  return {
    sql: `SELECT time, host, report, fingerprint, comment, address FROM deploys ${where}
          ORDER BY id DESC LIMIT ?`,
    parameters: [...parameters, query.limit],
  };
}
