import { countByCategory, type HostStatus } from './fleet-status.js';

/** How waiting for a fleet ends. */
export type WaitResult =
  /** Every host runs the wanted revision. */
  | 'in-sync'
  /** At least one host failed to. */
  | 'failed'
  /** None failed, but some are lost and the others are done. */
  | 'lost'
  /** The time is over and some hosts are not done yet, or no host follows the configuration. */
  | 'late';

export interface WaitOptions {
  /** Whether a failure is a result only when all hosts are settled; else when no host is between two proven releases. */
  readonly settle: boolean;
  /** Whether the time to wait is over. */
  readonly isLate: boolean;
}

/** @returns undefined while it is worth waiting on. */
export function waitResult(
  hosts: readonly HostStatus[],
  { settle, isLate }: WaitOptions,
): WaitResult | undefined {
  const counts = countByCategory(hosts);
  const allSettled = hosts.length > 0 && hosts.every(({ settled }) => settled);
  const isOver = allSettled || (!settle && !hosts.some(({ isChanging }) => isChanging));
  if (counts.failed > 0 && (isOver || isLate)) return 'failed';
  if (allSettled) return counts['in-sync'] === hosts.length ? 'in-sync' : 'lost';
  return isLate ? 'late' : undefined;
}
