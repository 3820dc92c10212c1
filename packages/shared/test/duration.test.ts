import { formatDuration, parseDuration } from '@deploy-tools/shared/duration.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { kindOf } from './support/kind-of.js';

/** Milliseconds, and what Go's time.Duration.String prints for them. */
const PRINTED_BY_GO: readonly (readonly [number, string])[] = [
  [0, '0s'],
  [1e-6, '1ns'],
  [1.1e-3, '1.1µs'],
  [0.1, '100µs'],
  [2.2, '2.2ms'],
  [250, '250ms'],
  [999.999999, '999.999999ms'],
  [1000, '1s'],
  [1500, '1.5s'],
  [3300, '3.3s'],
  [59_999.999999, '59.999999999s'],
  [60_000, '1m0s'],
  [245_000, '4m5s'],
  [245_001, '4m5.001s'],
  [1_800_000, '30m0s'],
  [5_400_000, '1h30m0s'],
  [18_367_001, '5h6m7.001s'],
  [86_400_000, '24h0m0s'],
  [31_536_000_000, '8760h0m0s'],
  [-1500, '-1.5s'],
  [-5_400_000, '-1h30m0s'],
];

describe('formatDuration', () => {
  test.each(PRINTED_BY_GO)('%f ms is %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  test('what is nearer to the next unit than a nanosecond is that unit', () => {
    expect(formatDuration(59_999.99999999)).toBe('1m0s');
    expect(formatDuration(999.99999999)).toBe('1s');
    expect(formatDuration(3_599_999.9999999)).toBe('1h0m0s');
  });
});

describe('parseDuration', () => {
  test.each(PRINTED_BY_GO)('%f ms is read from %s', (ms, text) => {
    expect(parseDuration(text)).toBeCloseTo(ms, 6);
  });

  test.each([
    ['0', 0],
    ['+0', 0],
    ['-5m', -300_000],
    ['+5s', 5000],
    ['.5s', 500],
    ['1.s', 1000],
    ['1.5h', 5_400_000],
    ['1h1h', 7_200_000],
    ['3us', 0.003],
    ['3μs', 0.003],
    ['100ns', 1e-4],
  ])('%s, as Go', (text, ms) => {
    expect(parseDuration(text)).toBeCloseTo(ms, 9);
  });

  test.each([
    '',
    '3',
    '-',
    's',
    '.',
    '-.',
    '.s',
    '+.s',
    '1d',
    ' 1s',
    '1s ',
    '1 s',
    '1e3s',
    '1S',
    '1hs',
    '--1s',
    'NaN',
    '0x1s',
    '1_000s',
  ])('%j is refused, as Go does', (text) => {
    expect(kindOf(() => parseDuration(text))).toBe('usage');
  });

  test('beyond what Go can hold, some 292 years, is refused', () => {
    expect(parseDuration('2562047h47m16s')).toBe(9_223_372_036_000);
    expect(kindOf(() => parseDuration('2562048h'))).toBe('usage');
    expect(kindOf(() => parseDuration(`-${'9'.repeat(400)}h`))).toBe('usage');
  });

  test('reads back what formatDuration writes', () => {
    fc.assert(
      fc.property(fc.integer({ min: -9_223_372_036_000, max: 9_223_372_036_000 }), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms);
      }),
    );
  });

  test('reads back fractions to the nanosecond', () => {
    fc.assert(
      fc.property(fc.double({ min: -1e9, max: 1e9, noNaN: true }), (ms) => {
        expect(Math.abs(parseDuration(formatDuration(ms)) - ms)).toBeLessThanOrEqual(1e-6);
      }),
    );
  });

  test('any text gives a number or a usage error', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789.+-nuµmsh ') }), (text) => {
        const outcome = kindOf(() => expect(Number.isFinite(parseDuration(text))).toBe(true));
        expect(['usage', 'nothing thrown']).toContain(outcome);
      }),
    );
  });
});
