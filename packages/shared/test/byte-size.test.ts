import { formatByteSize, parseByteSize } from '@deploy-tools/shared/byte-size.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { kindOf } from './support/kind-of.js';

describe('parseByteSize', () => {
  test.each([
    ['0', 0],
    ['1048576', 1_048_576],
    ['64K', 65_536],
    ['64kB', 65_536],
    ['100 MB', 104_857_600],
    ['2GiB', 2_147_483_648],
    ['1.5G', 1_610_612_736],
    ['3T', 3_298_534_883_328],
    ['12B', 12],
  ])('%s', (text, bytes) => {
    expect(parseByteSize(text)).toBe(bytes);
  });

  test.each([
    '',
    '-1',
    '1P',
    '1.G',
    '.5G',
    '1e3',
    '0x10',
    'G',
    '1 2',
    '10 M B',
    '٣',
    '9'.repeat(400),
    '9999999T',
  ])('refuses %s', (text) => {
    expect(kindOf(() => parseByteSize(text))).toBe('usage');
  });

  test('any text gives a whole number of bytes or a usage error', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789.KMGTiBb -+e') }), (text) => {
        const outcome = kindOf(() => expect(Number.isSafeInteger(parseByteSize(text))).toBe(true));
        expect(['usage', 'nothing thrown']).toContain(outcome);
      }),
    );
  });

  test('reads what formatByteSize writes, within its precision', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 52), (bytes) => {
        const read = parseByteSize(formatByteSize(bytes));
        expect(Math.abs(read - bytes)).toBeLessThanOrEqual(bytes * 0.05);
      }),
    );
  });
});

describe('formatByteSize', () => {
  test.each([
    [0, '0 B'],
    [512, '512 B'],
    [1023, '1023 B'],
    [1024, '1.0 KB'],
    [3_565_158, '3.4 MB'],
    [12 * 1024 ** 3, '12.0 GB'],
    [100 * 1024 ** 2, '100 MB'],
    [1024 ** 4 * 5000, '5000 TB'],
  ])('%d is %s', (bytes, text) => {
    expect(formatByteSize(bytes)).toBe(text);
  });

  test('never shows 1024 of a unit that has a next one', () => {
    expect(formatByteSize(1024 ** 2 - 1)).toBe('1.0 MB');
    expect(formatByteSize(1024 ** 3 - 1)).toBe('1.0 GB');
  });
});
