import { formatDuration } from '@deploy-tools/shared/duration.js';
import { DeployError, describeError, type ErrorKind, toDeployError } from '@deploy-tools/shared/errors.js';
import { eitherSignal } from '../../host/either-signal.js';
import type { Timers } from '../../host/timers.js';

export interface Retries {
  /** Further attempts after the first. */
  readonly count: number;
  readonly waitMs: number;
  /** Of all attempts together; undefined for no limit. */
  readonly timeoutMs: number | undefined;
}

/** How often and how long an action is tried, and what that is done with. */
export interface RetryContext extends Retries {
  readonly timers: Timers;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Trying again changes nothing about these. */
const FINAL: readonly ErrorKind[] = ['invalid', 'cancelled', 'no-space', 'too-large', 'internal'];

/**
 * Tries again after a delay when an action fails; after a longer one where the peer asks for it.
 * @param what for the log and for messages: `fetching s3://…`.
 * @throws DeployError what the last attempt failed with; timeout.
 */
export async function withRetries<T>(
  what: string,
  attempt: (signal: AbortSignal) => Promise<T>,
  { count, waitMs, timeoutMs, timers, log, signal }: RetryContext,
): Promise<T> {
  const limit = new AbortController();
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => limit.abort(), timeoutMs);
  const either = eitherSignal(signal, limit.signal);
  try {
    for (let left = count; ; left -= 1) {
      try {
        return await attempt(either.signal);
      } catch (error) {
        const failure = toDeployError(error);
        if (left <= 0 || either.signal.aborted || FINAL.includes(failure.kind)) throw failure;
        const ms = Math.max(waitMs, failure.retryAfterMs ?? 0);
        log(`${what} failed: ${describeError(failure)}; again in ${formatDuration(ms)}`);
        await timers.sleep(ms, either.signal);
      }
    }
  } catch (error) {
    if (!limit.signal.aborted || signal.aborted) throw toDeployError(error);
    const took = formatDuration(timeoutMs ?? 0);
    throw new DeployError('timeout', `${what} took longer than ${took}`, { hint: 'give more with -timeout' });
  } finally {
    clearTimeout(timer);
    either.clear();
  }
}
