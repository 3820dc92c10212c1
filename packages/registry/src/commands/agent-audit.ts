import type { DeployRecord } from '../meta/fleet-store.js';
import type { AuditQuery, AuditRecord, MetaReader } from '../meta/meta-store.js';

import { errorLine } from './fleet-text.js';

/** What a deploy is called in the audit log. */
const COMMAND = 'deploy';

/** The outcomes of agents' deploys that fit the query, as records of the audit log. */
export async function agentAudit(tx: MetaReader, query: AuditQuery): Promise<AuditRecord[]> {
  if (query.command !== undefined && query.command !== COMMAND) return [];
  const { subject, who, since, failed, limit } = query;
  const records = await tx.fleet.deploys({
    limit,
    ...(subject === undefined ? {} : { subject }),
    ...(who === undefined ? {} : { who }),
    ...(since === undefined ? {} : { since }),
    ...(failed === undefined ? {} : { failed }),
  });
  return records.map(auditRecordOf);
}

function auditRecordOf({ time, host, key, address, report }: DeployRecord): AuditRecord {
  const { config, revision, attempt, state, error, timings = {} } = report;
  const isFine = state === 'healthy';
  const words = [
    `-name=${config}`,
    `-host=${host}`,
    `-revision=${revision ?? '-'}`,
    `-attempt=${attempt ?? '-'}`,
  ];
  return {
    time,
    fingerprint: key.fingerprint,
    comment: key.comment,
    user: 'deploy-agent',
    address,
    via: 'report',
    command: COMMAND,
    args: words,
    subjects: [config, host],
    changes: true,
    result: isFine ? 'ok' : 'failed',
    ...(isFine ? {} : { error: error === undefined ? state : `${state}: ${errorLine(error)}` }),
    durationMs: Object.values(timings).reduce((sum, ms) => sum + ms, 0),
  };
}
