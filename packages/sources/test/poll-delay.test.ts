import { MAX_RETRY_DELAY_MS, pollDelayMs } from '@deploy-tools/sources/poll-delay.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const interval = fc.integer({ min: 5000, max: 7 * 24 * 3_600_000 });
const chance = fc.double({ min: 0, max: 1, noNaN: true });

describe('the delay before a poll', () => {
  test('is within a tenth around the interval after a good one, whatever the source asked for before', () => {
    fc.assert(
      fc.property(interval, chance, fc.option(fc.nat(), { nil: undefined }), (ms, random, asked) => {
        const delay = pollDelayMs(ms, { failures: 0, retryAfterMs: asked }, random);
        expect(delay).toBeGreaterThanOrEqual(ms * 0.9);
        expect(delay).toBeLessThanOrEqual(ms * 1.1 + 1);
      }),
    );
  });

  test('doubles with each failure, up to an hour or a longer interval', () => {
    expect([1, 2, 3, 7, 8, 100].map((failures) => pollDelayMs(30_000, { failures }, 1))).toEqual([
      60_000,
      120_000,
      240_000,
      MAX_RETRY_DELAY_MS,
      MAX_RETRY_DELAY_MS,
      MAX_RETRY_DELAY_MS,
    ]);
    expect(pollDelayMs(30_000, { failures: 1 }, 0)).toBe(30_000);
    expect(pollDelayMs(2 * MAX_RETRY_DELAY_MS, { failures: 9 }, 1)).toBe(2 * MAX_RETRY_DELAY_MS);
  });

  test('is never shorter than what the source asked for', () => {
    fc.assert(
      fc.property(
        interval,
        fc.integer({ min: 1, max: 50 }),
        fc.nat(),
        chance,
        (ms, failures, asked, random) => {
          expect(pollDelayMs(ms, { failures, retryAfterMs: asked }, random)).toBeGreaterThanOrEqual(asked);
        },
      ),
    );
  });
});
