import {
  type DiskView,
  decideStart,
  type Knowledge,
} from '@deploy-tools/agent/programs/guard/decide-start.js';
import { describe, expect, it } from 'vitest';

const OLD = 'a'.repeat(64);
const NEW = 'b'.repeat(64);
const NOW = new Date('2026-03-01T12:00:00Z');
const HOUR_AGO = new Date('2026-03-01T11:00:00Z');

const SETTLED: DiskView = {
  ...{ current: OLD, lastGood: OLD, provenAt: HOUR_AGO, placed: undefined },
  attempt: { hash: OLD, step: 'healthy', error: undefined },
};
const wanted = (hash: string): Knowledge => ({ kind: 'wanted', hash });
const unknown = (isSettled: boolean): Knowledge => ({ kind: 'unknown', why: 'no answer', isSettled });
const RULES = { now: NOW, maxStaleMs: 24 * 3_600_000, rolledBack: false };

function decide(disk: Partial<DiskView>, known: Knowledge, rules = {}) {
  return decideStart({ ...SETTLED, ...disk }, known, { ...RULES, ...rules });
}

describe('what is wanted is known', () => {
  it.each<[string, Partial<DiskView>, string, boolean, string]>([
    ['it is here, proven', {}, OLD, true, 'is the one that is wanted'],
    ['something else is', {}, NEW, false, 'the release here is aaaaaaaaaaaa, but bbbbbbbbbbbb is wanted'],
    ['nothing is here', { current: undefined, attempt: undefined }, OLD, false, 'no release is here yet'],
    [
      'it is on its way',
      { attempt: { hash: NEW, step: 'fetching', error: undefined } },
      NEW,
      false,
      'bbbbbbbbbbbb is fetching',
    ],
    [
      'its script runs, which may start the program',
      { current: NEW, attempt: { hash: NEW, step: 'activating', error: undefined } },
      NEW,
      true,
      'is wanted',
    ],
    [
      'it failed, and nothing was gone back to',
      { current: NEW, attempt: { hash: NEW, step: 'failed', error: 'no luck' } },
      NEW,
      false,
      'it is failed: no luck',
    ],
    [
      'it was gone back from',
      { attempt: { hash: NEW, step: 'rolled-back', error: 'no luck' } },
      NEW,
      false,
      'bbbbbbbbbbbb is wanted: it is rolled-back: no luck',
    ],
    ['the destination does not have it', { placed: '' }, OLD, false, 'the destination does not have'],
    ['the destination has it', { placed: OLD }, OLD, true, 'is wanted'],
  ])('%s', (_, disk, hash, start, words) => {
    const decision = decide(disk, wanted(hash));
    expect(decision).toEqual({ start, why: expect.stringContaining(words) });
  });

  it('it was rolled back, and that is allowed', () => {
    const disk = { attempt: { hash: NEW, step: 'rolling-back', error: 'no luck' } } as const;
    expect(decide(disk, wanted(NEW), { rolledBack: true }).start).toBe(true);
    expect(decide({ ...disk, current: NEW }, wanted(NEW), { rolledBack: true }).start).toBe(false);
  });
});

describe('what is wanted is not known', () => {
  it.each<[string, Partial<DiskView>, boolean, object, boolean, string]>([
    ['the last good one is here', {}, true, {}, true, 'wanted 1h0m0s ago'],
    ['not for long enough yet', {}, false, {}, false, 'no answer'],
    ['it is too old', {}, true, { maxStaleMs: 3_600_000 }, false, 'too long'],
    ['it is not known how old', { provenAt: undefined }, true, {}, false, 'too long'],
    ['what is here is not proven', { current: NEW }, true, {}, false, 'is not proven'],
    ['nothing is here', { current: undefined }, true, {}, false, 'no release is here yet'],
  ])('%s', (_, disk, isSettled, rules, start, words) => {
    const decision = decide(disk, unknown(isSettled), rules);
    expect(decision).toEqual({ start, why: expect.stringContaining(words) });
  });
});
