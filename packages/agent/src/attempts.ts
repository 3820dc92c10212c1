import { readFileSync, rmSync } from 'node:fs';
import { errnoOf } from '@deploy-tools/shared/errors.js';
import { writeFileAtomic } from '@deploy-tools/shared/host/atomic-file.js';

const FIRST_WAIT_MS = 60_000;
const LONGEST_WAIT_MS = 3_600_000;

/** A configuration that failed here, and when it may be tried again; survives a restart of the agent. */
export interface FailedAttempts {
  /** Configuration hash. */
  readonly hash: string;
  readonly failures: number;
  /** RFC 3339 UTC. */
  readonly notBefore: string;
}

/** How long to wait after that many failures in a row: one minute, doubling, an hour at most. */
export function waitAfter(failures: number): number {
  return Math.min(FIRST_WAIT_MS * 2 ** (failures - 1), LONGEST_WAIT_MS);
}

/** The record after one more failure. Another configuration begins anew. */
export function countFailure(before: FailedAttempts | undefined, hash: string, now: Date): FailedAttempts {
  const failures = before?.hash === hash ? before.failures + 1 : 1;
  return { hash, failures, notBefore: new Date(now.getTime() + waitAfter(failures)).toISOString() };
}

/** Milliseconds until this configuration may be tried; 0 when it may be now. */
export function waitBefore(attempts: FailedAttempts | undefined, hash: string, now: Date): number {
  if (attempts?.hash !== hash) return 0;
  return Math.max(0, Date.parse(attempts.notBefore) - now.getTime());
}

/** @returns undefined when nothing failed, or when the record is damaged: then the worst is one early attempt. */
export function readAttempts(path: string): FailedAttempts | undefined {
  try {
    const json: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return isAttempts(json) ? json : undefined;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

export function writeAttempts(path: string, attempts: FailedAttempts | undefined): void {
  if (attempts === undefined) rmSync(path, { force: true });
  else writeFileAtomic(path, `${JSON.stringify(attempts)}\n`);
}

function isAttempts(json: unknown): json is FailedAttempts {
  if (typeof json !== 'object' || json === null) return false;
  const { hash, failures, notBefore } = json as Partial<Record<keyof FailedAttempts, unknown>>;
  return (
    typeof hash === 'string' &&
    typeof failures === 'number' &&
    Number.isSafeInteger(failures) &&
    failures > 0 &&
    typeof notBefore === 'string' &&
    !Number.isNaN(Date.parse(notBefore))
  );
}
