/** Bounds of a delay that doubles with each failure in a row. */
export interface BackoffTimes {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** The most doublings: more would not change the delay, and could overflow. */
const MAX_DOUBLINGS = 50;

/** The delay after this many failures in a row, in milliseconds: 0 after none, then `firstMs`, doubled up to `maxMs`. */
export function backoffMs(failures: number, { firstMs, maxMs }: BackoffTimes): number {
  return failures === 0 ? 0 : Math.min(firstMs * 2 ** Math.min(failures - 1, MAX_DOUBLINGS), maxMs);
}

/**
 * Randomises the upper half of a delay, so that many peers do not return at the same time. The result is never shorter than
 * `retryAfterMs`.
 * @param random from 0 to 1.
 */
export function jitteredMs(delayMs: number, random: number, retryAfterMs = 0): number {
  return Math.max(delayMs * (0.5 + random / 2), retryAfterMs);
}
