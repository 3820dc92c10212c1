import { RateLimit } from '@deploy-tools/shared/rate-limit.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';

test('spends no more than the rate after one burst when each wait is kept', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 100 }),
      fc.integer({ min: 0, max: 100 }),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 2000 })), {
        maxLength: 60,
      }),
      (perSecond, burst, steps) => {
        let now = 0;
        let said = 0;
        const limit = new RateLimit({ perSecond, burst, now: () => now });
        for (const [amount, idle] of steps) {
          now += idle;
          now += limit.spend(amount);
          said += amount;
          expect(said).toBeLessThanOrEqual(burst + (now / 1000) * perSecond + 1e-6);
        }
      },
    ),
  );
});

test('ends a wait when it is aborted', async () => {
  const limit = new RateLimit({ perSecond: 0.001, burst: 1, now: () => 0 });
  const ending = new AbortController();
  const waiting = limit.wait(100, ending.signal);
  ending.abort();
  await waiting;
});

test('gives back what was not used, and saves nothing up without a burst', () => {
  let now = 0;
  const limit = new RateLimit({ perSecond: 1000, now: () => now });
  expect(limit.spend(500)).toBe(500);
  limit.refund(400);
  expect(limit.debtMs()).toBe(100);
  now += 60_000;
  expect(limit.debtMs()).toBe(0);
  expect(limit.spend(10)).toBe(10);
});
