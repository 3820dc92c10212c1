import { matchesPatternList, matchesWildcard } from '@deploy-tools/shared/wildcard.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';

test.each([
  ['web', 'web', true],
  ['web', 'web2', false],
  ['web*', 'web', true],
  ['*', '', true],
  ['?', '', false],
  ['w?b', 'wäb', true],
  ['?', '😀', true],
  ['a*b*c', 'axxbyyc', true],
  ['a*b*c', 'axxbyy', false],
  ['Web', 'web', false],
  ['a.c', 'abc', false],
  ['[a]', 'a', false],
  ['', '', true],
])('the pattern %j and %j: %s', (pattern, text, expected) => {
  expect(matchesWildcard(pattern, text)).toBe(expected);
});

test.each([
  ['web,static-*', 'static-a', true],
  ['web, static-*', 'static-a', true],
  ['web,static-*', 'db', false],
  ['*,!db', 'db', false],
  ['*,!db', 'web', true],
  ['!db,*', 'db', false],
  ['!db', 'web', false],
])('the list %j and %j: %s', (list, text, expected) => {
  expect(matchesPatternList(list, text)).toBe(expected);
});

test('means what the regular expression means that it is short for', () => {
  const piece = fc.constantFrom('a', 'b', '*', '?');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), fc.stringMatching(/^[ab]{0,8}$/), (pieces, text) => {
      const pattern = pieces.join('');
      const expected = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`).test(text);
      expect(matchesWildcard(pattern, text)).toBe(expected);
    }),
  );
});
