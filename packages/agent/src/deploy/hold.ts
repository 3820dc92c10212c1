const FIRST_WAIT_MS = 60_000;
const LONGEST_WAIT_MS = 3_600_000;
const VETO_WAIT_MS = 60_000;

/** Which revision is meant. Registries of the original tell no number: then the layers have to do. */
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
  /** RFC 3339 UTC; absent when only another revision, or somebody's word, ends the hold. */
  readonly notBefore?: string;
  /** Of a veto: which hook or script said so, and the last that it printed. */
  readonly reason?: string;
  /** Somebody said to try again. */
  readonly retry?: true;
}

/** Whether both are the same revision; of one that is not numbered, the same layers. */
export function isSameRevision(a: RevisionId, b: RevisionId): boolean {
  return a.hash === b.hash && (a.revision ?? b.revision) === (b.revision ?? a.revision);
}

/** How long to wait after that many failures in a row: one minute, doubling, an hour at most. */
export function waitAfter(failures: number): number {
  return failures === 0 ? 0 : Math.min(FIRST_WAIT_MS * 2 ** (failures - 1), LONGEST_WAIT_MS);
}

/** The hold after one more failure. Another revision begins anew. */
export function rejected(before: Hold | undefined, id: RevisionId, now: Date): Hold {
  const failures = failuresOf(before, id) + 1;
  return { ...idOf(id), why: 'rejected', failures, notBefore: later(now, waitAfter(failures)) };
}

/** The hold after a failure that nothing is tried again after by itself. */
export function abandoned(before: Hold | undefined, id: RevisionId): Hold {
  return { ...idOf(id), why: 'rejected', failures: failuresOf(before, id) + 1 };
}

/** The hold of a revision that was counted as failed already, and is not tried again by itself any more. */
export function forGood(before: Hold | undefined, id: RevisionId): Hold {
  const failures = Math.max(1, failuresOf(before, id));
  return { ...idOf(id), why: 'rejected', failures };
}

/** The host said not now; that is no failure. */
export function vetoed(before: Hold | undefined, id: RevisionId, now: Date): Hold {
  return {
    ...idOf(id),
    why: 'vetoed',
    failures: failuresOf(before, id),
    notBefore: later(now, VETO_WAIT_MS),
  };
}

/** The hold after somebody went back from a revision that had not failed. */
export function withdrawn(id: RevisionId): Hold {
  return { ...idOf(id), why: 'withdrawn', failures: 0 };
}

/** How often this revision has failed in a row. */
export function failuresOf(hold: Hold | undefined, id: RevisionId): number {
  return hold !== undefined && isSameRevision(hold, id) ? hold.failures : 0;
}

/**
 * Milliseconds until this revision may be tried; 0 when it may be now, Infinity when not by itself. Never longer than the
 * wait that was set, should the clock have been wrong then.
 */
export function waitBefore(hold: Hold | undefined, id: RevisionId, now: Date): number {
  if (hold === undefined || !isSameRevision(hold, id) || hold.retry === true) return 0;
  if (hold.notBefore === undefined) return Number.POSITIVE_INFINITY;
  const longest = hold.why === 'vetoed' ? VETO_WAIT_MS : waitAfter(hold.failures);
  return remainingWait(hold.notBefore, longest, now);
}

/** Milliseconds until a time; never more than the wait that was set, should the clock have been wrong then. */
export function remainingWait(notBefore: string, longest: number, now: Date): number {
  return Math.min(Math.max(0, Date.parse(notBefore) - now.getTime()), longest);
}

function idOf({ hash, revision }: RevisionId): RevisionId {
  return revision === undefined ? { hash } : { hash, revision };
}

function later(now: Date, ms: number): string {
  return new Date(now.getTime() + ms).toISOString();
}
