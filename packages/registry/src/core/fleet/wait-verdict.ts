import { countByCategory, type HostStatus } from './fleet-status.js';

/** How waiting for a fleet ends. */
export type Verdict =
  /** Every host runs what is wanted. */
  | 'in-sync'
  /** At least one host failed to. */
  | 'failed'
  /** None failed, but some are not heard and the others are done. */
  | 'lost'
  /** Time is up, and some hosts are not done yet; or there is none at all. */
  | 'late';

export interface Waiting {
  /** Whether a failure is an answer only when all hosts are settled. Without it, when none is between two proven releases. */
  readonly settle: boolean;
  readonly isLate: boolean;
}

/** @returns undefined while it is worth waiting on. */
export function waitVerdict(hosts: readonly HostStatus[], { settle, isLate }: Waiting): Verdict | undefined {
  const counts = countByCategory(hosts);
  const allSettled = hosts.length > 0 && hosts.every(({ settled }) => settled);
  const isOver = allSettled || (!settle && !hosts.some(({ isChanging }) => isChanging));
  if (counts.failed > 0 && (isOver || isLate)) return 'failed';
  if (allSettled) return counts['in-sync'] === hosts.length ? 'in-sync' : 'lost';
  return isLate ? 'late' : undefined;
}
