import { columns } from '@deploy-tools/shared/columns.js';
import { AUDIT } from '@deploy-tools/shared/commands/housekeeping-specs.js';
import { parseDuration } from '@deploy-tools/shared/duration.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { auditedLine } from '../core/audit-log.js';
import { type Clock, timestampBefore } from '../core/clock.js';
import type { AuditQuery, AuditRecord } from '../meta/meta-store.js';
import { agentAudit } from './agent-audit.js';
import { command } from './command.js';

const MAX_LIMIT = 10_000;

export const audit = command(AUDIT, async ({ registry }, args) => {
  if (args.limit < 1 || args.limit > MAX_LIMIT) {
    throw new DeployError('usage', `limit should be between 1 and ${MAX_LIMIT}`);
  }
  const query: AuditQuery = {
    limit: args.limit,
    failed: args.failed,
    changes: args.changes,
    ...(args.name === undefined ? {} : { subject: args.name }),
    ...(args.who === undefined ? {} : { who: args.who }),
    ...(args.command === undefined ? {} : { command: args.command }),
    ...(args.since === undefined ? {} : { since: parseSince(args.since, registry.clock) }),
  };
  const records = await registry.meta.read(async (tx) => {
    const commands = await tx.audit(query);
    return args.agents ? newest([...commands, ...(await agentAudit(tx, query))], args.limit) : commands;
  });
  return { value: records, text: columns(records.map(row)) };
});

function newest(records: readonly AuditRecord[], limit: number): AuditRecord[] {
  return records.toSorted((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0)).slice(-limit);
}

function row(record: AuditRecord): string[] {
  const who = record.comment === '' ? record.fingerprint : record.comment;
  return [
    record.time,
    `${record.user}@${record.address}`,
    who,
    record.result,
    `${record.durationMs.toFixed(0)}ms`,
    auditedLine(record) + (record.error === undefined ? '' : `  # ${record.error}`),
  ];
}

function parseSince(text: string, clock: Clock): string {
  if (/^\d{4}-\d\d-\d\d/.test(text)) {
    const time = new Date(text);
    if (!Number.isNaN(time.getTime())) return time.toISOString();
    throw new DeployError('usage', `invalid time "${text}"`, { hint: 'write it as 2026-01-31T12:00:00Z' });
  }
  return timestampBefore(clock, parseDuration(text));
}
