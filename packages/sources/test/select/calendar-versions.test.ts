import { calendarVersions } from '@deploy-tools/sources/select/calendar-versions.js';
import { compareVersions } from '@deploy-tools/sources/select/tag-version.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kindOf } from '../../../shared/test/support/kind-of.js';

describe('calendarVersions', () => {
  it.each([
    ['YYYY.0M.0D', '2026.07.03', [2026, 7, 3]],
    ['YYYY.0M.0D', 'v2026.07.03', [2026, 7, 3]],
    ['YYYY.0M.0D', '2026.7.03', undefined],
    ['YYYY.MM.DD', '2026.7.3', [2026, 7, 3]],
    ['YYYY.MM.DD', '2026.07.3', undefined],
    ['YYYY.MM.DD', '2026.12.31', [2026, 12, 31]],
    ['YYYY.MM.DD', '2026.13.1', undefined],
    ['YYYY.MM.DD', '2026.12.32', undefined],
    ['YY.0M', '26.04', [26, 4]],
    ['YY.0M', '106.04', [106, 4]],
    ['0Y.0M', '6.04', undefined],
    ['0Y.0M', '06.04', [6, 4]],
    ['YYYY.WW', '2026.53', [2026, 53]],
    ['YYYY.WW', '2026.54', undefined],
    ['YYYY.0W', '2026.03', [2026, 3]],
    ['YYYY.0W', '2026.3', undefined],
    ['YYYY0M0D.MICRO', '20260703.12', [2026, 7, 3, 12]],
    ['YYYY-0M-0D', '2026-07-03', [2026, 7, 3]],
    ['YYYY.MINOR.MICRO', '2026.1.2', [2026, 1, 2]],
    ['vYYYY.0M', 'v2026.07', [2026, 7]],
    ['YYYY.0M', '2026.07.1', undefined],
    ['YYYY.0M', '2026.07\n', undefined],
    ['YYYY.0M', '12026.07', undefined],
  ])('%s reads %j as %j', (format, tag, numbers) => {
    expect(calendarVersions(format).read(tag)?.numbers).toEqual(numbers);
  });

  it.each([
    ['YYYY.0M.MICRO', '2026.07.1-rc.2+blue', ['rc', 2], 'blue'],
    ['YYYY.0M.MICRO-MODIFIER', '2026.07.1-rc1', ['rc1'], ''],
    ['YYYY.0M.MICRO-MODIFIER', '2026.07.1', [], ''],
    ['YYYY.0M.MICROMODIFIER', '2026.07.1beta+green', ['beta'], 'green'],
    ['YYYY.0M.MODIFIER', '2026.07.dev', ['dev'], ''],
  ])('%s finds pre-release and slot in %s', (format, tag, prerelease, build) => {
    expect(calendarVersions(format).read(tag)).toMatchObject({ prerelease, build });
  });

  it.each([
    '',
    '.',
    'YYY.0M',
    'YYYY.mm',
    'YYYY.0X',
    'MMDD',
    'YY0MDD',
    'MICROMICRO',
    'YYYY.MODIFIER.0M',
    'Y'.repeat(80),
  ])('refuses the format %j', (format) => {
    expect(kindOf(() => calendarVersions(format))).toBe('invalid');
  });

  it('reads back any date, and orders dates as they follow each other', () => {
    const scheme = calendarVersions('YYYY.0M.0D.MICRO');
    const pad = (value: number) => String(value).padStart(2, '0');
    const day = fc.record({
      time: fc.integer({ min: Date.UTC(1000, 0, 1), max: Date.UTC(9999, 0, 1) }),
      micro: fc.nat(),
    });
    const tagOf = ({ time, micro }: { time: number; micro: number }) => {
      const date = new Date(time);
      return `${date.getUTCFullYear()}.${pad(date.getUTCMonth() + 1)}.${pad(date.getUTCDate())}.${micro}`;
    };
    const dayOf = (time: number) => Math.floor(time / 86_400_000);
    fc.assert(
      fc.property(day, day, (a, b) => {
        const [versionA, versionB] = [scheme.read(tagOf(a)), scheme.read(tagOf(b))];
        if (versionA === undefined || versionB === undefined) throw new Error('not read');
        const expected = Math.sign(dayOf(a.time) - dayOf(b.time)) || Math.sign(a.micro - b.micro);
        expect(Math.sign(compareVersions(versionA, versionB))).toBe(expected);
      }),
    );
  });
});
