import { columns } from '@deploy-tools/shared/columns.js';
import { AUDIT } from '@deploy-tools/shared/commands/housekeeping-specs.js';
import { parseDuration } from '@deploy-tools/shared/duration.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { auditedLine } from '../core/audit-log.js';
import { type Clock, timestampBefore } from '../core/clock.js';
import { authorName } from '../core/principal.js';
import type { DeployRecord } from '../meta/fleet-store.js';
import type { AuditQuery, AuditRecord, MetaReader } from '../meta/meta-store.js';
import { command } from './command.js';
import { errorLine } from './fleet-text.js';

const MAX_LIMIT = 10_000;

export const audit = command(AUDIT, [], async ({ registry }, args) => {
  const { limit, failed, changes, name, who, command: wanted, since } = args;
  if (limit < 1 || limit > MAX_LIMIT) {
    throw new DeployError('usage', `limit should be between 1 and ${MAX_LIMIT}`);
  }
  const from = since === undefined ? undefined : parseSince(since, registry.clock);
  const query: AuditQuery = { limit, failed, changes, subject: name, who, command: wanted, since: from };
  const records = await registry.meta.read(async (tx) => {
    const commands = await tx.audit(query);
    return args.agents ? newest([...commands, ...(await agentAudit(tx, query))], limit) : commands;
  });
  return { value: records, text: columns(records.map(row)) };
});

function newest(records: readonly AuditRecord[], limit: number): AuditRecord[] {
  return records.toSorted((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0)).slice(-limit);
}

function row(record: AuditRecord): string[] {
  return [
    record.time,
    `${record.user}@${record.address}`,
    authorName(record),
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

/** The command of a deploy in the audit log. */
const DEPLOY = 'deploy';

/** The deploys of agents that fit the query, as records of the audit log. */
async function agentAudit(tx: MetaReader, query: AuditQuery): Promise<AuditRecord[]> {
  if (query.command !== undefined && query.command !== DEPLOY) return [];
  const { subject, who, since, failed, limit } = query;
  return (await tx.fleet.deploys({ subject, who, since, failed, limit })).map(auditRecordOf);
}

function auditRecordOf({ time, host, key, address, report }: DeployRecord): AuditRecord {
  const { config, revision, attempt, state, error, timings = {} } = report;
  const isHealthy = state === 'healthy';
  const args = [
    `-name=${config}`,
    `-host=${host}`,
    `-revision=${revision ?? '-'}`,
    `-attempt=${attempt ?? '-'}`,
  ];
  return {
    time,
    ...key,
    user: 'deploy-agent',
    address,
    via: 'report',
    command: DEPLOY,
    args,
    subjects: [config, host],
    changes: true,
    result: isHealthy ? 'ok' : 'failed',
    ...(isHealthy ? {} : { error: error === undefined ? state : `${state}: ${errorLine(error)}` }),
    durationMs: Object.values(timings).reduce((sum, ms) => sum + ms, 0),
  };
}
