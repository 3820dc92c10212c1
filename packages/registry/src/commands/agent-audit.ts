import type { DeployRecord } from '../meta/fleet-store.js';
import type { AuditQuery, AuditRecord, MetaReader } from '../meta/meta-store.js';
import { errorLine } from './fleet-text.js';

/** The command of a deploy in the audit log. */
const COMMAND = 'deploy';

/** The deploys of agents that fit the query, as records of the audit log. */
export async function agentAudit(tx: MetaReader, query: AuditQuery): Promise<AuditRecord[]> {
  if (query.command !== undefined && query.command !== COMMAND) return [];
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
    ...{ ...key, user: 'deploy-agent', address, via: 'report', command: COMMAND, args },
    subjects: [config, host],
    changes: true,
    result: isHealthy ? 'ok' : 'failed',
    ...(isHealthy ? {} : { error: error === undefined ? state : `${state}: ${errorLine(error)}` }),
    durationMs: Object.values(timings).reduce((sum, ms) => sum + ms, 0),
  };
}
