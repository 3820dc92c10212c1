import type { Timers } from '../../host/timers.js';

/**
 * Keeps a flow of bytes below a rate, by waiting after each piece.
 * @param bytesPerSecond undefined for no limit.
 * @returns to be called with the size of each piece. @throws AbortError.
 */
export function pace(
  bytesPerSecond: number | undefined,
  timers: Timers,
  signal: AbortSignal,
): (bytes: number) => Promise<void> {
  if (bytesPerSecond === undefined) return () => Promise.resolve();
  let due = timers.now();
  return async (bytes) => {
    const now = timers.now();
    due = Math.max(due, now) + (bytes * 1000) / bytesPerSecond;
    if (due > now) await timers.sleep(due - now, signal);
  };
}
