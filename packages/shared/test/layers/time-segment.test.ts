import { MAX_SECONDS } from '@deploy-tools/shared/layers/manifest.js';
import { decodeTimeSegment, encodeTimeSegment } from '@deploy-tools/shared/layers/time-segment.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kindOf } from '../support/kind-of.js';
import { damaged, entryTimes } from './manifest-values.js';

const columns = fc.array(entryTimes, { minLength: 1, maxLength: 100 });

describe('time segment', () => {
  it('any times survive', () => {
    fc.assert(
      fc.property(columns, (times) => {
        expect(decodeTimeSegment(encodeTimeSegment(times), times.length)).toEqual(times);
      }),
    );
  });

  it('whatever can be read is written again as it was', () => {
    const bytes = fc.oneof(damaged(columns.map(encodeTimeSegment)), fc.uint8Array({ maxLength: 100 }));
    fc.assert(
      fc.property(bytes, fc.integer({ min: 0, max: 200 }), (given, count) => {
        const outcome = kindOf(() => {
          const times = decodeTimeSegment(given, count);
          expect(encodeTimeSegment(times).equals(given)).toBe(true);
        });
        expect(['nothing thrown', 'corrupt']).toContain(outcome);
      }),
      { numRuns: 1000 },
    );
  });

  it('has these bytes', () => {
    const times = [
      { seconds: 1_500_000_000, nanoseconds: 0 },
      { seconds: 1_499_999_999, nanoseconds: 300 },
      { seconds: 1_499_999_999, nanoseconds: 0 },
    ];
    expect(encodeTimeSegment(times).toString('hex')).toBe(
      ['80bcc1960b', '01', '00', '00', 'ac02', '00'].join(''),
    );
  });

  it('says that it cannot hold a time too far away', () => {
    expect(kindOf(() => encodeTimeSegment([{ seconds: MAX_SECONDS + 1, nanoseconds: 0 }]))).toBe(
      'unsupported',
    );
    expect(kindOf(() => encodeTimeSegment([{ seconds: -MAX_SECONDS - 1, nanoseconds: 0 }]))).toBe(
      'unsupported',
    );
  });
});
