import type { DeployError, ErrorKind } from '@deploy-tools/shared/errors.js';
import { remainingWait, waitAfter } from './hold.js';
import type { Attempt, PostponedRollback } from './journal.js';

/** A script, a hook, the program or a check found that the last good release does not work either. */
const FINAL: readonly ErrorKind[] = ['script', 'unhealthy'];

/** Whether a rollback that failed with this is given up; a full disk, a registry that refuses and the like are tried again. */
export function endsRollback({ kind }: DeployError): boolean {
  return FINAL.includes(kind);
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

/** Milliseconds until the rollback in flight may be tried again; 0 when it may be now. */
export function waitBeforeRollback({ postponed: last }: Pick<Attempt, 'postponed'>, now: Date): number {
  return last === undefined ? 0 : remainingWait(last.notBefore, waitAfter(last.failures), now);
}

/** Why a rollback is needed, and why it failed so far. */
export function describePostponed(why: string, { message }: Pick<PostponedRollback, 'message'>): string {
  return `${why}; the rollback failed for now: ${message}`;
}
