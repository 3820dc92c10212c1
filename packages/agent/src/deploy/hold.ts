import { backoffMs } from '@deploy-tools/shared/backoff.js';
import { countSchema, hashSchema, timeSchema } from '@deploy-tools/shared/json/json-schemas.js';
import * as z from 'zod/mini';
import type { StepEvent } from './deploy-step.js';

const BACKOFF = { firstMs: 60_000, maxMs: 3_600_000 };
const VETO_DELAY_MS = 60_000;

/** Names a revision. The Go registry sends no number: then the layers identify it. */
export interface RevisionId {
  /** Configuration hash. */
  readonly hash: string;
  readonly revision?: number;
}

/** A revision that is not tried now. */
export type Hold = Readonly<z.infer<typeof holdSchema>>;

export const holdSchema = z.object({
  hash: hashSchema,
  revision: z.exactOptional(countSchema),
  why: z.enum(['rejected', 'vetoed', 'withdrawn']),
  /** In a row. */
  failures: countSchema,
  /** RFC 3339 UTC; absent when only another revision, or an operator's retry, ends the hold. */
  notBefore: z.exactOptional(timeSchema),
  /** After a veto: which hook or script vetoed it, and the last line that it printed. */
  reason: z.exactOptional(z.string()),
  /** An operator asked for a retry. */
  retry: z.exactOptional(z.literal(true)),
});

/** Whether both are the same revision; without numbers, whether they have the same layers. */
export function isSameRevision(a: RevisionId, b: RevisionId): boolean {
  return a.hash === b.hash && (a.revision ?? b.revision) === (b.revision ?? a.revision);
}

/** The backoff after this many failures in a row, in milliseconds: a minute, doubled each time, an hour at most. */
export function waitAfter(failures: number): number {
  return backoffMs(failures, BACKOFF);
}

/** The hold after one more failure. The failures of another revision are not counted. */
export function rejected(before: Hold | undefined, id: RevisionId, now: Date): Hold {
  const failures = failuresOf(before, id) + 1;
  return { ...idOf(id), why: 'rejected', failures, notBefore: later(now, waitAfter(failures)) };
}

/** The hold after a failure that is not retried without an operator. */
export function abandoned(before: Hold | undefined, id: RevisionId): Hold {
  return { ...idOf(id), why: 'rejected', failures: failuresOf(before, id) + 1 };
}

/** The hold of a failure that is counted already and is not retried without an operator. */
export function forGood(before: Hold | undefined, id: RevisionId): Hold {
  return { ...idOf(id), why: 'rejected', failures: Math.max(1, failuresOf(before, id)) };
}

/** The hold after a veto, which is no failure. */
export function vetoed(before: Hold | undefined, id: RevisionId, now: Date): Hold {
  const failures = failuresOf(before, id);
  return { ...idOf(id), why: 'vetoed', failures, notBefore: later(now, VETO_DELAY_MS) };
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
 * Milliseconds until this revision may be tried: 0 for now, Infinity when only an operator's retry ends the hold. Bounded by the
 * delay that was set, in case the clock was wrong then.
 */
export function waitBefore(hold: Hold | undefined, id: RevisionId, now: Date): number {
  if (hold === undefined || !isSameRevision(hold, id) || hold.retry === true) return 0;
  if (hold.notBefore === undefined) return Number.POSITIVE_INFINITY;
  const longest = hold.why === 'vetoed' ? VETO_DELAY_MS : waitAfter(hold.failures);
  return remainingWait(hold.notBefore, longest, now);
}

/** Milliseconds until a time, at most `longest`. */
export function remainingWait(notBefore: string, longest: number, now: Date): number {
  return Math.min(Math.max(0, Date.parse(notBefore) - now.getTime()), longest);
}

function idOf({ hash, revision }: RevisionId): RevisionId {
  return revision === undefined ? { hash } : { hash, revision };
}

function later(now: Date, ms: number): string {
  return new Date(now.getTime() + ms).toISOString();
}

/** The consequence of a failure for its revision. */
export interface Blame {
  /** The revision is not retried before an operator says retry. */
  readonly isHeld?: boolean | undefined;
  /** Another revision was wanted, so this one is not to blame. */
  readonly isSuperseded?: boolean | undefined;
}

export interface StepTaken extends Blame {
  readonly event: StepEvent;
  readonly now: Date;
}

/** The parts of an attempt that matter for its hold. */
interface HeldAttempt {
  readonly config: RevisionId;
  readonly judged?: true;
  readonly byHand?: true;
  readonly leaving?: RevisionId;
}

/** The hold after a step. @param hold before it. */
export function holdAfter(
  hold: Hold | undefined,
  { config, judged, byHand, leaving }: HeldAttempt,
  { event, isHeld, isSuperseded, now }: StepTaken,
): Hold | undefined {
  if (event === 'prove') return undefined;
  if (byHand === true || leaving !== undefined) return hold;
  if (judged === true) return event === 'give-up' ? forGood(hold, config) : hold;
  // Without `judged`, `restore` and `give-up` end a rollback that an earlier version began.
  const isFailure = event === 'fail' || event === 'restore' || event === 'give-up';
  if (!isFailure || isSuperseded === true) return hold;
  return isHeld === true || event === 'give-up' ? abandoned(hold, config) : rejected(hold, config, now);
}
