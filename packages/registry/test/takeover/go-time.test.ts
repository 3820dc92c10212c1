import { compareGoTimes, parseGoTime } from '@deploy-tools/registry/takeover/go-time.js';
import { isDeployError } from '@deploy-tools/shared/errors.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

/** As Go writes it: zeros at the end of the fraction left out. */
function goTime(nanoseconds: bigint): string {
  const seconds = nanoseconds / 1_000_000_000n;
  const fraction = (nanoseconds % 1_000_000_000n).toString().padStart(9, '0').replace(/0+$/, '');
  const base = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return `${base}${fraction === '' ? '' : `.${fraction}`}Z`;
}

const moment = fc.bigInt({ min: 0n, max: 4_000_000_000n * 1_000_000_000n });

describe('parseGoTime', () => {
  test.each([
    ['2017-03-01T11:23:36Z', '2017-03-01T11:23:36.000Z'],
    ['2017-03-01T11:23:36.1Z', '2017-03-01T11:23:36.100Z'],
    ['2017-03-01T11:28:18.123456789Z', '2017-03-01T11:28:18.123Z'],
    ['2017-03-01T14:23:36.5+03:00', '2017-03-01T11:23:36.500Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
  ])('%s', (text, iso) => {
    expect(parseGoTime(text).iso).toBe(iso);
  });

  test.each(['', '2017-03-01', '2017-13-01T00:00:00Z', '2017-03-01T11:23:36.Z', '2017-03-01 11:23:36Z'])(
    'refuses %j',
    (text) => {
      expect(() => parseGoTime(text)).toThrow(/is not a time/);
    },
  );

  test('keeps every nanosecond, and their order', () => {
    fc.assert(
      fc.property(moment, moment, (a, b) => {
        const [first, second] = [parseGoTime(goTime(a)), parseGoTime(goTime(b))];
        expect(first.nanoseconds).toBe(a);
        expect(Math.sign(compareGoTimes(first, second))).toBe(a < b ? -1 : a > b ? 1 : 0);
        if (first.iso < second.iso) expect(a < b).toBe(true);
      }),
    );
  });

  test('any other text is refused as corrupt', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          return typeof parseGoTime(text).iso === 'string';
        } catch (error) {
          return isDeployError(error, 'corrupt');
        }
      }),
    );
  });
});
