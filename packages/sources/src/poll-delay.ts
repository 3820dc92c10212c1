import { backoffMs, jitteredMs } from '@deploy-tools/shared/backoff.js';

/** The longest delay between two polls of a source that fails, unless its interval is longer. */
export const MAX_RETRY_DELAY_MS = 3_600_000;

/** The results of earlier polls. */
interface PollHistory {
  /** Failures in a row; 0 after a success. */
  readonly failures: number;
  /** The delay that the source asked for in its last failure. */
  readonly retryAfterMs?: number | undefined;
}

/**
 * The delay before the next poll of a source, in milliseconds. After a success it is the interval, give or take a tenth; after
 * failures twice the interval, doubled each time up to an hour, with jitter, and at least what the source asked for.
 * @param random from 0 to 1.
 */
export function pollDelayMs(
  intervalMs: number,
  { failures, retryAfterMs }: PollHistory,
  random: number,
): number {
  if (failures === 0) return intervalMs * (0.9 + 0.2 * random);
  const times = { firstMs: intervalMs * 2, maxMs: Math.max(intervalMs, MAX_RETRY_DELAY_MS) };
  return jitteredMs(backoffMs(failures, times), random, retryAfterMs);
}
