import { formatDuration } from '@deploy-tools/shared/duration.js';
import { DeployError } from '@deploy-tools/shared/errors.js';

/**
 * Runs something that can be aborted, and aborts it when it takes too long or the caller stops.
 * @param label of whom is waited for: a URL without secrets.
 * @throws what it throws; DeployError connect: too long; cancelled.
 */
export async function withinTime<T>(
  label: string,
  ms: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  const abort = (): void => limit.abort();
  const timer = setTimeout(abort, ms);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await work(limit.signal);
  } catch (error) {
    if (signal.aborted) throw new DeployError('cancelled', `${label} was given up`, { cause: error });
    if (!limit.signal.aborted) throw error;
    throw new DeployError('connect', `${label} did not answer within ${formatDuration(ms)}`, {
      cause: error,
    });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}
