import type { StateReport } from '@deploy-tools/shared/report/report.js';
import type { HostStatus } from '../core/fleet/fleet-status.js';
import type { DeployRecord } from '../meta/fleet-store.js';

/** A host and a configuration that it follows, in `-json` output; documented in docs/protocol.md. */
export function hostJson({ follower, category }: HostStatus): object {
  const { record, configuration, report, changed, contact, lastContact, silentMs, address } = follower;
  return {
    host: record.host,
    configuration,
    category,
    ...reportJson(report),
    changed,
    contact,
    lastContact,
    silentMs: Math.round(silentMs),
    agent: record.agent,
    labels: record.labels,
    fingerprint: record.key.fingerprint,
    comment: record.key.comment,
    address: address ?? null,
  };
}

/** An attempt with its outcome, in `-json` output; documented in docs/protocol.md. */
export function deployJson({ time, host, key, address, report }: DeployRecord): object {
  return {
    time,
    host,
    configuration: report.config,
    ...reportJson(report),
    fingerprint: key.fingerprint,
    comment: key.comment,
    address,
  };
}

const REPORT_KEYS = [
  ...['state', 'reason', 'revision', 'hash', 'attempt', 'deploy', 'running', 'lastGood', 'since'],
  ...['progress', 'error', 'timings', 'bytes', 'pause', 'notBefore'],
] as const satisfies readonly (keyof StateReport)[];

/** The fields of a report; an unknown field is null, so that every key is always there. */
function reportJson(report: StateReport | undefined): object {
  return Object.fromEntries(REPORT_KEYS.map((key) => [key, report?.[key] ?? null]));
}
