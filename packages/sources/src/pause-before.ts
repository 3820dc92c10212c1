/** What is waited between looks at a source at the most, however often they failed. */
export const LONGEST_PAUSE_MS = 3_600_000;

/**
 * The pause before the next look at a source, in milliseconds: within a tenth around the interval; after failures doubled each time up
 * to an hour, the upper half of it by chance; never sooner than the source asked for.
 * @param failures looks that failed one after another, 0 after a good one.
 * @param random from 0 to 1.
 */
export function pauseBefore(
  intervalMs: number,
  failures: number,
  retryAfterMs: number | undefined,
  random: number,
): number {
  if (failures === 0) return intervalMs * (0.9 + 0.2 * random);
  const longest = Math.max(intervalMs, LONGEST_PAUSE_MS);
  const bound = Math.min(intervalMs * 2 ** Math.min(failures, 20), longest);
  return Math.max(bound * (0.5 + 0.5 * random), retryAfterMs ?? 0);
}
