import type { AuditQuery, AuditRecord, AuditResult } from '../meta-store.js';
import { decodeStrings } from './stored-json.js';

export interface AuditRow {
  readonly time: string;
  readonly fingerprint: string;
  readonly comment: string;
  readonly user: string;
  readonly address: string;
  readonly via: string;
  readonly command: string;
  readonly args: string;
  readonly changes: number;
  readonly result: AuditResult;
  readonly error: string | null;
  readonly duration_ms: number;
  /** JSON array, gathered from audit_subjects. */
  readonly subjects: string;
}

/** The query as SQL, newest first. */
export function auditSelect(query: AuditQuery): { sql: string; parameters: unknown[] } {
  const conditions: string[] = [];
  const parameters: unknown[] = [];
  const add = (condition: string, ...values: unknown[]) => {
    conditions.push(condition);
    parameters.push(...values);
  };
  if (query.subject !== undefined)
    add('id IN (SELECT audit_id FROM audit_subjects WHERE subject = ?)', query.subject);
  if (query.who !== undefined) add('(fingerprint = ? OR instr(comment, ?) > 0)', query.who, query.who);
  if (query.command !== undefined) add('command = ?', query.command);
  if (query.since !== undefined) add('time >= ?', query.since);
  if (query.failed === true) add("result <> 'ok'");
  if (query.changes === true) add('changes = 1');
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  return {
    sql: `SELECT audit.*, (SELECT json_group_array(subject) FROM audit_subjects WHERE audit_id = audit.id) AS subjects
          FROM audit ${where} ORDER BY id DESC LIMIT ?`,
    parameters: [...parameters, query.limit],
  };
}

export function auditRecord(row: AuditRow): AuditRecord {
  return {
    time: row.time,
    fingerprint: row.fingerprint,
    comment: row.comment,
    user: row.user,
    address: row.address,
    via: row.via,
    command: row.command,
    args: decodeStrings(row.args, 'the arguments of an audit record'),
    subjects: decodeStrings(row.subjects, 'the subjects of an audit record'),
    changes: row.changes === 1,
    result: row.result,
    ...(row.error === null ? {} : { error: row.error }),
    durationMs: row.duration_ms,
  };
}
