import { printable } from '@deploy-tools/registry/commands/printable.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';

test.each([
  ['plain text, é 设 😀\n\ttabbed\n', 'plain text, é 设 😀\n\ttabbed\n'],
  ['\x1b[2J', '\\x1b[2J'],
  ['a\rb', 'a\\x0db'],
  ['\x7f\x9b', '\\x7f\\x9b'],
  ['\u202egnp.exe', '\\u202egnp.exe'],
  ['\u200b\u2066', '\\u200b\\u2066'],
])('%j', (text, shown) => {
  expect(printable(text)).toBe(shown);
});

test('any text has no control character left, and doing it twice changes nothing', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const shown = printable(text);
      expect(shown).not.toMatch(/[^\P{Cc}\n\t]|\p{Cf}/u);
      expect(printable(shown)).toBe(shown);
    }),
  );
});
