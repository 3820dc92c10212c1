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

/** What is not known is null, so that every key is always there. */
function reportJson(report: StateReport | undefined): object {
  return {
    state: report?.state ?? null,
    reason: report?.reason ?? null,
    revision: report?.revision ?? null,
    hash: report?.hash ?? null,
    attempt: report?.attempt ?? null,
    deploy: report?.deploy ?? null,
    running: report?.running ?? null,
    lastGood: report?.lastGood ?? null,
    since: report?.since ?? null,
    progress: report?.progress ?? null,
    error: report?.error ?? null,
    timings: report?.timings ?? null,
    bytes: report?.bytes ?? null,
    pause: report?.pause ?? null,
    notBefore: report?.notBefore ?? null,
  };
}
