import { CRASH_BACKOFF, nextPause } from '@deploy-tools/agent/process/supervise/crash-backoff.js';
import fc from 'fast-check';
import { expect, it } from 'vitest';

function pauses(upTimes: readonly number[]): number[] {
  const found: number[] = [];
  for (const upMs of upTimes) found.push(nextPause(found.at(-1), upMs));
  return found;
}

it('pauses double from a second to a minute', () => {
  expect(pauses(Array.from({ length: 9 }, () => 10))).toEqual([
    1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000,
  ]);
});

it('begin anew after ten minutes up, and not before', () => {
  expect(pauses([0, 0, 0, 599_999, 600_000, 0])).toEqual([1000, 2000, 4000, 8000, 1000, 2000]);
});

it('are never shorter than the first or longer than the longest', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(2_000_000)), (upTimes) => {
      for (const pause of pauses(upTimes)) {
        expect(pause).toBeGreaterThanOrEqual(CRASH_BACKOFF.firstMs);
        expect(pause).toBeLessThanOrEqual(CRASH_BACKOFF.longestMs);
      }
    }),
  );
});
