import { formatDuration } from '@deploy-tools/shared/duration.js';

/**
 * Bounds the time of a check.
 * @param act gets a signal that is aborted, with an Error as its reason, at the timeout or on abort.
 */
export async function limitCheck<T>(
  timeoutMs: number,
  signal: AbortSignal,
  act: (limit: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  const abort = (): void => limit.abort(new Error('called off'));
  const late = `no answer within ${formatDuration(Math.ceil(timeoutMs))}`;
  const timer = setTimeout(() => limit.abort(new Error(late)), timeoutMs);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await act(limit.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}
