import { rmSync } from 'node:fs';
import { errnoOf } from '@deploy-tools/shared/errors.js';
import { writeFileAtomic } from '@deploy-tools/shared/host/atomic-file.js';
import { readRegularFile } from '@deploy-tools/shared/host/regular-file.js';

const MAX_BYTES = 64 * 1024;
const FIRST_WAIT_MS = 60_000;
const LONGEST_WAIT_MS = 3_600_000;

/** What was tried of a configuration that does not run yet; survives a restart of the agent. */
export interface Attempts {
  /** Configuration hash. */
  readonly hash: string;
  /** In a row. */
  readonly failures: number;
  /** When it may be tried again, RFC 3339 UTC. */
  readonly notBefore: string;
  /**
   * Set once the script was about to run for the release: the boot of the host in which it was unpacked. From then on
   * that directory is used again, for something may have been started from it.
   */
  readonly unpackedIn?: string;
  /** The script, as processIdentity names it; it may outlive an agent that is killed. */
  readonly script?: string;
}

/** How long to wait after that many failures in a row: one minute, doubling, an hour at most. */
export function waitAfter(failures: number): number {
  return failures === 0 ? 0 : Math.min(FIRST_WAIT_MS * 2 ** (failures - 1), LONGEST_WAIT_MS);
}

/** The record after one more failure. Another configuration begins anew. */
export function countFailure(before: Attempts | undefined, hash: string, now: Date): Attempts {
  const { unpackedIn, failures } = before?.hash === hash ? before : { failures: 0 };
  const notBefore = new Date(now.getTime() + waitAfter(failures + 1)).toISOString();
  return { hash, failures: failures + 1, notBefore, ...(unpackedIn === undefined ? {} : { unpackedIn }) };
}

/** The record when the script is about to run: an agent that dies from here on tries again at once. */
export function beginScript(
  before: Attempts | undefined,
  release: { readonly hash: string; readonly unpackedIn: string },
  now: Date,
): Attempts {
  const failures = before?.hash === release.hash ? before.failures : 0;
  return { ...release, failures, notBefore: now.toISOString() };
}

/**
 * Milliseconds until this configuration may be tried; 0 when it may be now. Never longer than the wait that was set,
 * should the clock have been wrong then.
 */
export function waitBefore(attempts: Attempts | undefined, hash: string, now: Date): number {
  if (attempts?.hash !== hash) return 0;
  const left = Date.parse(attempts.notBefore) - now.getTime();
  return Math.min(Math.max(0, left), waitAfter(attempts.failures));
}

/** @returns undefined when nothing was tried, or when the record is damaged: then the worst is one early attempt. */
export function readAttempts(path: string): Attempts | undefined {
  try {
    const json: unknown = JSON.parse(readRegularFile(path, MAX_BYTES).toString('utf8'));
    return isAttempts(json) ? json : undefined;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

export function writeAttempts(path: string, attempts: Attempts | undefined): void {
  if (attempts === undefined) rmSync(path, { force: true });
  else writeFileAtomic(path, `${JSON.stringify(attempts)}\n`);
}

function isAttempts(json: unknown): json is Attempts {
  if (typeof json !== 'object' || json === null) return false;
  const { hash, failures, notBefore, unpackedIn, script } = json as Partial<Record<keyof Attempts, unknown>>;
  return (
    typeof hash === 'string' &&
    typeof failures === 'number' &&
    Number.isSafeInteger(failures) &&
    failures >= 0 &&
    typeof notBefore === 'string' &&
    !Number.isNaN(Date.parse(notBefore)) &&
    isOptionalString(unpackedIn) &&
    isOptionalString(script)
  );
}

function isOptionalString(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}
