import { countByCategory, type HostStatus } from './fleet-status.js';

/** The result of a wait for a fleet. */
export type WaitResult =
  /** Every host runs the wanted revision. */
  | 'in-sync'
  /** At least one host failed to run it. */
  | 'failed'
  /** None failed, but some are lost and the others are done. */
  | 'lost'
  /** The time is over and some hosts are not done yet, or no host follows the configuration. */
  | 'late';

export interface WaitOptions {
  /** Whether a failure is a result only once all hosts are settled; otherwise once no host is between two proven releases. */
  readonly settle: boolean;
  /** Whether the time to wait is over. */
  readonly isLate: boolean;
}

/** @returns undefined while the wait continues. */
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
