import {
  abandoned,
  type Hold,
  isSameRevision,
  rejected,
  vetoed,
  waitAfter,
  waitBefore,
} from '@deploy-tools/agent/deploy/hold.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const NOW = new Date('2026-03-01T12:00:00Z');
const MINUTE = 60_000;
const A = { hash: 'a'.repeat(64), revision: 7 };
const B = { hash: 'b'.repeat(64), revision: 8 };
const after = (ms: number) => new Date(NOW.getTime() + ms);

const instant = fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true });

describe('the wait after failures', () => {
  it('is a minute, doubling, an hour at most', () => {
    const minutes = [1, 2, 3, 4, 5, 6, 7, 8, 1000].map((failures) => waitAfter(failures) / MINUTE);
    expect(minutes).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
    expect(waitAfter(0)).toBe(0);
  });

  it('is counted from the failure, for that revision only', () => {
    const once = rejected(undefined, A, NOW);
    expect(once).toEqual({ ...A, why: 'rejected', failures: 1, notBefore: '2026-03-01T12:01:00.000Z' });
    expect(waitBefore(once, A, NOW)).toBe(MINUTE);
    expect(waitBefore(once, A, after(45_000))).toBe(15_000);
    expect(waitBefore(once, A, after(MINUTE))).toBe(0);
    expect(waitBefore(once, B, NOW)).toBe(0);
    expect(waitBefore(once, { ...A, revision: 9 }, NOW)).toBe(0);
    expect(waitBefore(undefined, A, NOW)).toBe(0);
    expect(rejected(once, A, NOW).failures).toBe(2);
    expect(rejected(once, B, NOW).failures).toBe(1);
  });

  it('ends when somebody says retry', () => {
    expect(waitBefore({ ...rejected(undefined, A, NOW), retry: true }, A, NOW)).toBe(0);
    expect(rejected({ ...rejected(undefined, A, NOW), retry: true }, A, NOW)).not.toHaveProperty('retry');
  });

  it('has no end by itself after a way back that failed', () => {
    const hold = abandoned(rejected(undefined, A, NOW), A);
    expect(hold).toEqual({ ...A, why: 'rejected', failures: 2 });
    expect(waitBefore(hold, A, new Date('2099-01-01'))).toBe(Number.POSITIVE_INFINITY);
    expect(waitBefore(hold, B, NOW)).toBe(0);
    expect(waitBefore({ ...hold, retry: true }, A, NOW)).toBe(0);
  });

  it('is a minute after a veto, which is no failure', () => {
    const twice = vetoed(vetoed(rejected(undefined, A, NOW), A, NOW), A, NOW);
    expect(twice).toMatchObject({ why: 'vetoed', failures: 1 });
    expect(waitBefore(twice, A, NOW)).toBe(MINUTE);
    expect(vetoed(undefined, A, NOW).failures).toBe(0);
  });

  it('is never longer than was set, whatever the clock says', () => {
    const holds: fc.Arbitrary<Hold> = fc.record({
      hash: fc.constantFrom(A.hash, B.hash),
      why: fc.constantFrom('rejected', 'vetoed'),
      failures: fc.nat({ max: 100 }),
      notBefore: instant.map((date) => date.toISOString()),
    });
    fc.assert(
      fc.property(holds, fc.constantFrom(A, B), instant, (hold, wanted, now) => {
        const ms = waitBefore(hold, wanted, now);
        expect(ms).toBeGreaterThanOrEqual(0);
        expect(ms).toBeLessThanOrEqual(hold.why === 'vetoed' ? MINUTE : waitAfter(hold.failures));
      }),
    );
  });
});

it('registries that number nothing mean the layers', () => {
  expect(isSameRevision({ hash: A.hash }, A)).toBe(true);
  expect(isSameRevision(A, { hash: A.hash })).toBe(true);
  expect(isSameRevision(A, { ...A, revision: 8 })).toBe(false);
  expect(isSameRevision({ hash: A.hash }, { hash: B.hash })).toBe(false);
});
