import type { DeployError } from '@deploy-tools/shared/errors.js';
import { remainingWait, waitAfter } from './hold.js';
import type { Attempt, PostponedRollback } from './journal.js';

/** Whether an error shows that the last good release does not work either. Any other, such as a full disk, postpones the rollback. */
export function endsRollback({ kind }: DeployError): boolean {
  return kind === 'script' || kind === 'unhealthy';
}

/** The rollback after one more failure. */
export function postponed(
  before: PostponedRollback | undefined,
  message: string,
  now: Date,
): PostponedRollback {
  const failures = (before?.failures ?? 0) + 1;
  const notBefore = new Date(now.getTime() + waitAfter(failures)).toISOString();
  return { failures, notBefore, message };
}

/** Milliseconds until the rollback in flight may be tried again; 0 for now. */
export function waitBeforeRollback({ postponed: last }: Pick<Attempt, 'postponed'>, now: Date): number {
  return last === undefined ? 0 : remainingWait(last.notBefore, waitAfter(last.failures), now);
}

/** Why a rollback is needed, and why it failed so far. */
export function describePostponed(why: string, { message }: Pick<PostponedRollback, 'message'>): string {
  return `${why}; the rollback failed for now: ${message}`;
}
