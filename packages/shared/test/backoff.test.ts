import { backoffMs, jitteredMs } from '@deploy-tools/shared/backoff.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';

const TIMES = { firstMs: 1000, maxMs: 60_000 };

test('is nothing without a failure, then doubles up to its bound', () => {
  const delays = [0, 1, 2, 3, 6, 7, 100_000].map((failures) => backoffMs(failures, TIMES));
  expect(delays).toEqual([0, 1000, 2000, 4000, 32_000, 60_000, 60_000]);
});

test('with jitter is between half and all of it, and never shorter than the peer asked for', () => {
  fc.assert(
    fc.property(fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(), (ms, random, asked) => {
      const delay = jitteredMs(ms, random);
      expect(delay).toBeGreaterThanOrEqual(ms / 2);
      expect(delay).toBeLessThanOrEqual(ms);
      expect(jitteredMs(ms, random, asked)).toBe(Math.max(delay, asked));
    }),
  );
});
