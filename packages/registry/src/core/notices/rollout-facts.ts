import { errorSignature } from '@deploy-tools/notices/error-signature.js';
import type { NamedHost, NoticeError } from '@deploy-tools/notices/notice.js';
import type { StateReport } from '@deploy-tools/shared/report/report.js';
import type { DeployRecord, Landing } from '../../meta/fleet-store.js';
import { assess } from '../fleet/assess.js';
import type { HostStatus } from '../fleet/fleet-status.js';

/** The most hosts that a notice names. */
const MAX_NAMED = 10;
const MAX_REASON_LENGTH = 200;
/** States of a host that is deploying the wanted revision. */
const AT_WORK: ReadonlySet<string> = new Set(['fetching', 'staged', 'activating', 'validating']);

/** The facts of a revision's rollout that its notices depend on. */
export interface RolloutFacts {
  readonly revision: number;
  readonly hosts: number;
  readonly inSync: number;
  /** The number of hosts that failed and whose rollback, if any, has ended. */
  readonly failed: number;
  /** The number of hosts that failed and are lost now. */
  readonly failedAndGone: number;
  /** `deploy-failed` when any host failed without a rollback; undefined when no host reports a failure. */
  readonly failure: 'deploy-failed' | 'deploy-rolled-back' | undefined;
  /** The most common error of the failed hosts. */
  readonly error: NoticeError | undefined;
  /** Whether any host is deploying the revision, or has ended its attempt. */
  readonly begun: boolean;
  /** Whether no host is expected to change soon. */
  readonly settled: boolean;
  /** Whether every host has reported on its present channel, or is not waited for any more. */
  readonly heard: boolean;
  /** The failed hosts, then the lost ones. */
  readonly named: readonly NamedHost[];
  /** The number of failed attempts of the host that has the most. */
  readonly rounds: number;
}

/** @param wanted the hash of the revision. @param mostFailures as stored: see FleetReader. */
export function rolloutFacts(
  { revision, hash: wanted }: { readonly revision: number; readonly hash: string },
  hosts: readonly HostStatus[],
  mostFailures: number,
): RolloutFacts {
  const failed = hosts.filter(isDoneFailing);
  const lost = hosts.filter(
    ({ category, settled }) => settled && category !== 'failed' && category !== 'in-sync',
  );
  return {
    revision,
    hosts: hosts.length,
    inSync: hosts.filter(({ category }) => category === 'in-sync').length,
    failed: failed.length,
    failedAndGone: lost.filter(
      ({ follower }) =>
        assess({ report: follower.report, contact: 'live', isCurrent: true }, wanted) === 'failed',
    ).length,
    failure: failureEvent(failed.map(({ follower }) => follower.report?.state)),
    error: commonError(failed.map(({ follower }) => follower.report)),
    begun: hosts.some((host) => isBegun(host, wanted)),
    settled: hosts.every(({ settled }) => settled),
    heard: hosts.every(({ follower, settled }) => settled || follower.isCurrent),
    named: [
      ...failed.map(({ follower }) => nameFailed(follower.record.host, follower.report)),
      ...lost.map(nameLost),
    ].slice(0, MAX_NAMED),
    rounds: Math.max(mostFailures, failed.length > 0 ? 1 : 0),
  };
}

/** Whether a host failed for good: while it rolls back, the result is open. */
function isDoneFailing({ category, follower }: HostStatus): boolean {
  return category === 'failed' && follower.report?.state !== 'rolling-back';
}

function isBegun({ category, follower }: HostStatus, wanted: string): boolean {
  if (category === 'in-sync' || category === 'failed') return true;
  const { report } = follower;
  return category === 'pending' && report?.hash === wanted && AT_WORK.has(report.state);
}

/** Undefined where no state is a failure. */
function failureEvent(states: readonly (string | undefined)[]): RolloutFacts['failure'] {
  if (states.some((state) => state === 'failed' || state === 'inconsistent')) return 'deploy-failed';
  return states.includes('rolled-back') ? 'deploy-rolled-back' : undefined;
}

function commonError(reports: readonly (StateReport | undefined)[]): NoticeError | undefined {
  const counts = new Map<string, { error: NoticeError; count: number }>();
  for (const report of reports) {
    const error = report?.error;
    if (error === undefined) continue;
    const signature = errorSignature(error);
    const known = counts.get(signature) ?? { error, count: 0 };
    counts.set(signature, { ...known, count: known.count + 1 });
  }
  return [...counts.values()].sort((a, b) => b.count - a.count)[0]?.error;
}

function nameFailed(host: string, report: StateReport | undefined): NamedHost {
  const { error, state = 'failed' } = report ?? {};
  const reason = error === undefined ? state : `${error.kind}: ${error.message}`;
  return { host, reason: reason.slice(0, MAX_REASON_LENGTH) };
}

function nameLost({ follower }: HostStatus): NamedHost {
  return { host: follower.record.host, reason: `silent for ${Math.round(follower.silentMs / 1000)} s` };
}

/** The stored failures of a revision that another one has replaced. */
export interface EarlierFailures {
  readonly revision: number;
  /** The number of hosts whose last attempt at the revision failed. */
  readonly failed: number;
  readonly failure: RolloutFacts['failure'];
  readonly error: NoticeError | undefined;
  readonly named: readonly NamedHost[];
}

/**
 * @param landings of any revisions.
 * @param records failed attempts at any revisions, oldest first.
 */
export function earlierFailures(
  revision: number,
  landings: readonly Landing[],
  records: readonly DeployRecord[],
): EarlierFailures {
  const failed = landings.filter((landing) => landing.revision === revision && landing.state !== 'healthy');
  const last = new Map(
    records
      .filter(({ report }) => report.revision === revision)
      .map(({ host, report }) => [host, { host, report }]),
  );
  const reports = [...last.values()];
  return {
    revision,
    failed: failed.reduce((sum, { hosts }) => sum + hosts, 0),
    failure: failureEvent(failed.map(({ state }) => state)),
    error: commonError(reports.map(({ report }) => report)),
    named: reports.slice(0, MAX_NAMED).map(({ host, report }) => nameFailed(host, report)),
  };
}
