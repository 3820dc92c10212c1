import { backoffMs } from '@deploy-tools/shared/backoff.js';

const WAIT = { firstMs: 60_000, maxMs: 3_600_000 };
const VETO_WAIT_MS = 60_000;

/** Which revision is meant. The Go registry sends no number: then the layers identify it. */
export interface RevisionId {
  /** Configuration hash. */
  readonly hash: string;
  readonly revision?: number;
}

/** A revision that is not tried now. */
export interface Hold extends RevisionId {
  readonly why: 'rejected' | 'vetoed' | 'withdrawn';
  /** In a row. */
  readonly failures: number;
  /** RFC 3339 UTC; absent when only another revision, or an operator's retry, ends the hold. */
  readonly notBefore?: string;
  /** After a veto: which hook or script vetoed it, and the last line that it printed. */
  readonly reason?: string;
  /** An operator said to try again. */
  readonly retry?: true;
}

/** Whether both are the same revision; without numbers, whether they have the same layers. */
export function isSameRevision(a: RevisionId, b: RevisionId): boolean {
  return a.hash === b.hash && (a.revision ?? b.revision) === (b.revision ?? a.revision);
}

/** Milliseconds to wait after so many failures in a row: one minute, doubled for each, an hour at most. */
export function waitAfter(failures: number): number {
  return backoffMs(failures, WAIT);
}

/** The hold after one more failure. The failures of another revision are not counted. */
export function rejected(before: Hold | undefined, id: RevisionId, now: Date): Hold {
  const failures = failuresOf(before, id) + 1;
  return { ...idOf(id), why: 'rejected', failures, notBefore: later(now, waitAfter(failures)) };
}

/** The hold after a failure that only an operator's retry ends. */
export function abandoned(before: Hold | undefined, id: RevisionId): Hold {
  return { ...idOf(id), why: 'rejected', failures: failuresOf(before, id) + 1 };
}

/** The hold of a revision whose failure is counted already, and that only an operator's retry ends. */
export function forGood(before: Hold | undefined, id: RevisionId): Hold {
  const failures = Math.max(1, failuresOf(before, id));
  return { ...idOf(id), why: 'rejected', failures };
}

/** The hold after a veto, which is no failure. */
export function vetoed(before: Hold | undefined, id: RevisionId, now: Date): Hold {
  return {
    ...idOf(id),
    why: 'vetoed',
    failures: failuresOf(before, id),
    notBefore: later(now, VETO_WAIT_MS),
  };
}

/** The hold after an operator rolled back a revision that had not failed. */
export function withdrawn(id: RevisionId): Hold {
  return { ...idOf(id), why: 'withdrawn', failures: 0 };
}

/** How often this revision has failed in a row. */
export function failuresOf(hold: Hold | undefined, id: RevisionId): number {
  return hold !== undefined && isSameRevision(hold, id) ? hold.failures : 0;
}

/**
 * Milliseconds until this revision may be tried; 0 when it may be now, Infinity when only an operator can have it tried. Never
 * longer than the wait that was set, in case the clock was wrong then.
 */
export function waitBefore(hold: Hold | undefined, id: RevisionId, now: Date): number {
  if (hold === undefined || !isSameRevision(hold, id) || hold.retry === true) return 0;
  if (hold.notBefore === undefined) return Number.POSITIVE_INFINITY;
  const longest = hold.why === 'vetoed' ? VETO_WAIT_MS : waitAfter(hold.failures);
  return remainingWait(hold.notBefore, longest, now);
}

/** Milliseconds until a time; never more than the wait that was set, in case the clock was wrong then. */
export function remainingWait(notBefore: string, longest: number, now: Date): number {
  return Math.min(Math.max(0, Date.parse(notBefore) - now.getTime()), longest);
}

function idOf({ hash, revision }: RevisionId): RevisionId {
  return revision === undefined ? { hash } : { hash, revision };
}

function later(now: Date, ms: number): string {
  return new Date(now.getTime() + ms).toISOString();
}
