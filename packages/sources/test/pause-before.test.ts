import { LONGEST_PAUSE_MS, pauseBefore } from '@deploy-tools/sources/pause-before.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const interval = fc.integer({ min: 5000, max: 7 * 24 * 3_600_000 });
const chance = fc.double({ min: 0, max: 1, noNaN: true });

describe('the pause before a look', () => {
  test('is within a tenth around the interval after a good one, whatever the source asked for before', () => {
    fc.assert(
      fc.property(interval, chance, fc.option(fc.nat(), { nil: undefined }), (ms, random, asked) => {
        const pause = pauseBefore(ms, 0, asked, random);
        expect(pause).toBeGreaterThanOrEqual(ms * 0.9);
        expect(pause).toBeLessThanOrEqual(ms * 1.1 + 1);
      }),
    );
  });

  test('doubles with each failure, up to an hour or a longer interval', () => {
    expect([1, 2, 3, 7, 8, 100].map((failures) => pauseBefore(30_000, failures, undefined, 1))).toEqual([
      60_000,
      120_000,
      240_000,
      LONGEST_PAUSE_MS,
      LONGEST_PAUSE_MS,
      LONGEST_PAUSE_MS,
    ]);
    expect(pauseBefore(30_000, 1, undefined, 0)).toBe(30_000);
    expect(pauseBefore(2 * LONGEST_PAUSE_MS, 9, undefined, 1)).toBe(2 * LONGEST_PAUSE_MS);
  });

  test('is never shorter than what the source asked for', () => {
    fc.assert(
      fc.property(
        interval,
        fc.integer({ min: 1, max: 50 }),
        fc.nat(),
        chance,
        (ms, failures, asked, random) => {
          expect(pauseBefore(ms, failures, asked, random)).toBeGreaterThanOrEqual(asked);
        },
      ),
    );
  });
});
