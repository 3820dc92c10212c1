import type { AuditQuery, AuditRecord } from '../meta-store.js';
import { type SqliteStatements, whereAll } from './sqlite-statements.js';
import { decodeStrings } from './stored-json.js';

interface AuditRow extends Omit<AuditRecord, 'args' | 'subjects' | 'changes' | 'error'> {
  readonly args: string;
  /** JSON array, gathered from audit_subjects. */
  readonly subjects: string;
  readonly changes: number;
  readonly error: string | null;
}

/** The records that fit the query, oldest first. */
export function readAudit(sql: SqliteStatements, query: AuditQuery): AuditRecord[] {
  const { where, parameters } = whereAll({
    'id IN (SELECT audit_id FROM audit_subjects WHERE subject = ?)': query.subject,
    '(fingerprint = ? OR instr(comment, ?) > 0)': query.who,
    'command = ?': query.command,
    'time >= ?': query.since,
    "result <> 'ok'": query.failed || undefined,
    'changes = 1': query.changes || undefined,
  });
  const rows = sql.all<AuditRow>(
    `SELECT time, fingerprint, comment, user, address, via, command, args,
       (SELECT json_group_array(subject) FROM audit_subjects WHERE audit_id = audit.id) AS subjects,
       changes, result, error, duration_ms AS durationMs
     FROM audit ${where} ORDER BY id DESC LIMIT ?`,
    ...parameters,
    query.limit,
  );
  return rows.map(auditRecord).reverse();
}

function auditRecord({ error, durationMs, ...row }: AuditRow): AuditRecord {
  return {
    ...row,
    args: decodeStrings(row.args, 'the arguments of an audit record'),
    subjects: decodeStrings(row.subjects, 'the subjects of an audit record'),
    changes: row.changes === 1,
    ...(error === null ? {} : { error }),
    durationMs,
  };
}

export function appendAudit(sql: SqliteStatements, record: AuditRecord): void {
  const { args, subjects, changes, durationMs, ...columns } = record;
  const row = { ...columns, args: JSON.stringify(args), changes: changes ? 1 : 0, duration_ms: durationMs };
  const id = sql.insert('audit', row);
  for (const subject of new Set(subjects)) sql.insert('audit_subjects', { subject, audit_id: id });
}
