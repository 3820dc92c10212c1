import {
  checkArchiveHash,
  checkComponentName,
  checkConfigurationName,
  checkNewName,
  checkVersion,
  MAX_NAME_BYTES,
  parseLayerRef,
} from '@deploy-tools/shared/names.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { kindOf } from './support/kind-of.js';

const CHECKS = [checkComponentName, checkVersion, checkConfigurationName] as const;
const plainWord = fc.stringMatching(/^[a-zé0-9]{1,20}$/);

describe('names and versions', () => {
  test.each(['code', 'v 02', 'v1.0-rc+2', 'Ärger', '设', '😀', '-x', '...', 'a b'])(
    '%s is taken as it is',
    (word) => {
      for (const check of CHECKS) expect(check(word)).toBe(word);
    },
  );

  test.each([
    ['', 'should be set'],
    ['.', 'cannot be "."'],
    ['..', 'cannot be ".."'],
    [' a', 'cannot begin or end with a space'],
    ['a\u00a0', 'cannot begin or end with a space'],
    ['a\nb', 'control characters'],
    ['a\0b', 'control characters'],
    ['a\x1b[31m', 'control characters'],
    ['a\u009b31m', 'control characters'],
    ['a\u202eb', 'control characters'],
    ['a\u200bb', 'control characters'],
    ['a\u2028b', 'control characters'],
    ['a\ufeffb', 'control characters'],
    ['a\ud800b', 'control characters'],
    ['a\ufffdb', 'control characters'],
  ])('%j is refused', (word, reason) => {
    for (const check of CHECKS) {
      expect(kindOf(() => check(word))).toBe('invalid');
      expect(() => check(word)).toThrow(reason);
    }
  });

  test('are bounded in bytes, so that a configuration fits a file name', () => {
    expect(checkVersion('a'.repeat(MAX_NAME_BYTES))).toHaveLength(MAX_NAME_BYTES);
    expect(kindOf(() => checkVersion('a'.repeat(MAX_NAME_BYTES + 1)))).toBe('invalid');
    expect(kindOf(() => checkVersion('é'.repeat(MAX_NAME_BYTES / 2 + 1)))).toBe('invalid');
    expect(MAX_NAME_BYTES + '.json'.length).toBeLessThanOrEqual(255);
  });

  test('each has its own separator', () => {
    expect(() => checkComponentName('a:b')).toThrow('component name cannot contain : symbol');
    expect(() => checkConfigurationName('a/b')).toThrow('configuration name cannot contain / symbol');
    expect(checkVersion('a:b/c')).toBe('a:b/c');
    expect(checkComponentName('a/b')).toBe('a/b');
    expect(checkConfigurationName('a:b')).toBe('a:b');
  });

  test('any text is taken as it is or refused as invalid', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (word) => {
        for (const check of CHECKS) {
          const outcome = kindOf(() => expect(check(word)).toBe(word));
          expect(['invalid', 'nothing thrown']).toContain(outcome);
        }
      }),
    );
  });
});

describe('a new name', () => {
  const check = (name: string) => checkNewName('component name', name);

  test.each(['code', 'v 02', 'Ärger', '设', '😀', 'a b', '한국', 'e\u0334'])('%s is accepted', (name) => {
    expect(kindOf(() => check(name))).toBe('nothing thrown');
  });

  test.each([
    ['Hangul filler', 'a\u3164', 'U+3164'],
    ['halfwidth Hangul filler', 'a\uffa0', 'U+FFA0'],
    ['Hangul choseong filler', 'a\u115fb', 'U+115F'],
    ['variation selector', 'a\ufe0f', 'U+FE0F'],
    ['variation selector of the supplement', 'a\u{e0101}', 'U+E0101'],
    ['combining grapheme joiner', 'a\u034fb', 'U+034F'],
    ['blank Braille pattern', 'a\u2800b', 'U+2800'],
    ['no-break space', 'a\u00a0b', 'U+00A0'],
    ['ideographic space', 'a\u3000b', 'U+3000'],
    ['en quad', 'a\u2000b', 'U+2000'],
  ])('with a %s is refused by its number', (_what, name, code) => {
    expect(kindOf(() => check(name))).toBe('invalid');
    expect(() => check(name)).toThrow(`component name cannot contain the character ${code}`);
  });

  test('that is not in NFC is refused: it looks like the one that is', () => {
    for (const name of ['e\u0301', '\u212b', '\u1112\u1161\u11ab']) {
      expect(kindOf(() => check(name))).toBe('invalid');
      expect(kindOf(() => check(name.normalize('NFC')))).toBe('nothing thrown');
    }
  });
});

describe('parseLayerRef', () => {
  test('splits at the first colon', () => {
    fc.assert(
      fc.property(plainWord, plainWord, plainWord, (component, version, more) => {
        expect(parseLayerRef(`${component}:${version}`)).toEqual({ component, version });
        expect(parseLayerRef(`${component}:${version}:${more}`)).toEqual({
          component,
          version: `${version}:${more}`,
        });
      }),
    );
  });

  test.each(['', 'code', ':v1', 'code:', ':'])('refuses %j', (text) => {
    expect(kindOf(() => parseLayerRef(text))).toBe('usage');
  });
});

describe('checkArchiveHash', () => {
  test('gives lower case', () => {
    expect(checkArchiveHash('AB'.repeat(32))).toBe('ab'.repeat(32));
  });

  test.each([
    '',
    '0000',
    '0'.repeat(63),
    '0'.repeat(65),
    'g'.repeat(64),
    ` ${'0'.repeat(63)}`,
    `${'0'.repeat(64)}\n`,
  ])('refuses %j', (text) => {
    expect(kindOf(() => checkArchiveHash(text))).toBe('invalid');
  });
});
