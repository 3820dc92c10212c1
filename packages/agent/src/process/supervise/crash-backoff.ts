/** How long a program that crashed is left alone. */
export interface BackoffTimes {
  readonly firstMs: number;
  readonly longestMs: number;
  /** A program that was up for so long is given the shortest pause again. */
  readonly resetAfterMs: number;
}

export const CRASH_BACKOFF: BackoffTimes = { firstMs: 1000, longestMs: 60_000, resetAfterMs: 600_000 };

/**
 * The pause after another crash: doubling from the first to the longest.
 * @param before the pause after the crash before; undefined for the first one.
 * @param upMs how long the program had been up.
 */
export function nextPause(
  before: number | undefined,
  upMs: number,
  times: BackoffTimes = CRASH_BACKOFF,
): number {
  if (before === undefined || upMs >= times.resetAfterMs) return times.firstMs;
  return Math.min(before * 2, times.longestMs);
}
