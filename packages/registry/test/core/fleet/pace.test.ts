import { Pace } from '@deploy-tools/registry/core/fleet/pace.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';

test('who waits as told says no more than the rate, after one burst', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 100 }),
      fc.integer({ min: 1, max: 100 }),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 2000 })), {
        maxLength: 60,
      }),
      (perSecond, burst, steps) => {
        let now = 0;
        let said = 0;
        const pace = new Pace(perSecond, burst, () => now);
        for (const [amount, idle] of steps) {
          now += idle;
          now += pace.owe(amount);
          said += amount;
          expect(said).toBeLessThanOrEqual(burst + (now / 1000) * perSecond + 1e-6);
        }
      },
    ),
  );
});

test('waiting ends when it is aborted', async () => {
  const pace = new Pace(0.001, 1, () => 0);
  const ending = new AbortController();
  const waiting = pace.spend(100, ending.signal);
  ending.abort();
  await waiting;
});
