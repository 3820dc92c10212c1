import type { Follower } from './follower.js';

/**
 * The status of a host relative to the wanted revision, worst first. `failed`: it could not deploy the revision. `unknown`: it has
 * not reported since the registry started, since it reconnected, or since it follows the configuration. `pending`: it is deploying
 * the revision, or will. `in-sync`: it runs the revision.
 */
export const CATEGORIES = ['failed', 'lost', 'unknown', 'pending', 'in-sync'] as const;

export type Category = (typeof CATEGORIES)[number];

/** States of a failed revision. */
const FAILURES: ReadonlySet<string> = new Set([
  'failed',
  'rolling-back',
  'rolled-back',
  'inconsistent',
  'rejected',
]);

type Assessed = Pick<Follower, 'contact' | 'isCurrent' | 'report'>;

/**
 * Compares configuration hashes: to a host, a revision with the same layers is the same.
 * @param wanted the hash of the configuration's head; undefined when there is no such configuration.
 */
export function assess(follower: Assessed, wanted: string | undefined): Category {
  const { contact, isCurrent, report } = follower;
  if (contact === 'lost') return 'lost';
  if (!isCurrent || report === undefined || wanted === undefined) return 'unknown';
  // A paused host reports that state for any wanted revision: the running release decides.
  if (report.state === 'paused') {
    return report.running?.hash === wanted && report.lastGood?.hash === wanted ? 'in-sync' : 'pending';
  }
  if (report.hash !== wanted) return 'pending';
  if (FAILURES.has(report.state)) return 'failed';
  return report.state === 'healthy' || report.state === 'skipped' ? 'in-sync' : 'pending';
}
