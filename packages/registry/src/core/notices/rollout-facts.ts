import { errorSignature } from '@deploy-tools/notices/error-signature.js';
import type { NamedHost, NoticeError } from '@deploy-tools/notices/notice.js';
import type { StateReport } from '@deploy-tools/shared/report/report.js';
import { assess } from '../fleet/assess.js';
import type { HostStatus } from '../fleet/fleet-status.js';

/** How many hosts a notice names. */
export const MAX_NAMED = 10;
const MAX_REASON_LENGTH = 200;
/** States that say: it is at work on what is wanted. */
const AT_WORK: ReadonlySet<string> = new Set(['fetching', 'staged', 'activating', 'validating']);

/** How far the rollout of a revision is, as far as notices care. */
export interface RolloutFacts {
  readonly revision: number;
  readonly hosts: number;
  readonly inSync: number;
  /** Hosts that failed and whose rollback, if any, has ended. */
  readonly failed: number;
  /** Hosts that are not heard and failed when they were. */
  readonly failedAndGone: number;
  /** `deploy-failed` when any host failed without a rollback; undefined when no host reports a failure. */
  readonly failure: 'deploy-failed' | 'deploy-rolled-back' | undefined;
  /** What most of them say. */
  readonly error: NoticeError | undefined;
  /** Whether any host is at work, or done. */
  readonly begun: boolean;
  /** Whether nothing more is to be expected of any host soon. */
  readonly settled: boolean;
  /** Whether all hosts have said how they are since the registry started and on the channel they have, or are not waited for any more. */
  readonly heard: boolean;
  /** Those that failed, then those that are lost. */
  readonly named: readonly NamedHost[];
  /** The most attempts at the revision that failed on one host. */
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

/** A host that is rolling back has not said yet how that ends. */
function isDoneFailing({ category, follower }: HostStatus): boolean {
  return category === 'failed' && follower.report?.state !== 'rolling-back';
}

function isBegun({ category, follower }: HostStatus, wanted: string): boolean {
  if (category === 'in-sync' || category === 'failed') return true;
  const { report } = follower;
  return category === 'pending' && report?.hash === wanted && AT_WORK.has(report.state);
}

/** Undefined where no state is a failure's. */
export function failureEvent(states: readonly (string | undefined)[]): RolloutFacts['failure'] {
  if (states.some((state) => state === 'failed' || state === 'inconsistent')) return 'deploy-failed';
  return states.includes('rolled-back') ? 'deploy-rolled-back' : undefined;
}

export function commonError(reports: readonly (StateReport | undefined)[]): NoticeError | undefined {
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

export function nameFailed(host: string, report: StateReport | undefined): NamedHost {
  const { error, state = 'failed' } = report ?? {};
  const reason = error === undefined ? state : `${error.kind}: ${error.message}`;
  return { host, reason: reason.slice(0, MAX_REASON_LENGTH) };
}

function nameLost({ follower }: HostStatus): NamedHost {
  return { host: follower.record.host, reason: `silent for ${Math.round(follower.silentMs / 1000)} s` };
}
