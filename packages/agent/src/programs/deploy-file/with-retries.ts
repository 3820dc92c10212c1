import { formatDuration } from '@deploy-tools/shared/duration.js';
import { DeployError, describeError, type ErrorKind, toDeployError } from '@deploy-tools/shared/errors.js';
import { eitherSignal } from '../../host/either-signal.js';
import type { Timers } from '../../host/timers.js';

export interface Retries {
  /** Further attempts after the first. */
  readonly count: number;
  readonly waitMs: number;
  /** For all attempts together; undefined for no limit. */
  readonly timeoutMs: number | undefined;
}

export interface RetryContext {
  readonly retries: Retries;
  readonly timers: Timers;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Errors that another attempt would meet again. */
const FINAL: readonly ErrorKind[] = ['invalid', 'cancelled', 'no-space', 'too-large', 'internal'];

/**
 * Repeats a failed action after a delay; after a longer one where the peer asks for it.
 * @param what for the log and for messages: `fetching s3://…`.
 * @throws DeployError of the last attempt; timeout.
 */
export async function withRetries<T>(
  what: string,
  attempt: (signal: AbortSignal) => Promise<T>,
  { retries: { count, waitMs, timeoutMs }, timers, log, signal }: RetryContext,
): Promise<T> {
  const late = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
  const either = eitherSignal(signal, late);
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
    if (late?.aborted !== true || signal.aborted) throw toDeployError(error);
    const took = formatDuration(timeoutMs ?? 0);
    throw new DeployError('timeout', `${what} took longer than ${took}`, { hint: 'give more with -timeout' });
  } finally {
    either.clear();
  }
}
