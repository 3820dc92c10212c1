import { excerpt, printable, printableJsonText, printableLine } from '@deploy-tools/shared/printable.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

test.each([
  ['plain text, é 设 😀\n\ttabbed\n', 'plain text, é 设 😀\n\ttabbed\n'],
  ['\x1b[2J', '\\x1b[2J'],
  ['a\rb', 'a\\x0db'],
  ['\x7f\x9b', '\\x7f\\x9b'],
  ['\u202egnp.exe', '\\u202egnp.exe'],
  ['\u200b\u2066', '\\u200b\\u2066'],
  ['a\u2028b\u2029', 'a\\u2028b\\u2029'],
])('%j', (text, shown) => {
  expect(printable(text)).toBe(shown);
});

test('any text has no control character left, and doing it twice changes nothing', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const shown = printable(text);
      expect(shown).not.toMatch(/[^\P{Cc}\n\t]|[\p{Cf}\p{Zl}\p{Zp}]/u);
      expect(printable(shown)).toBe(shown);
      expect(printableLine(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    }),
  );
});

test('a line has no break: it cannot look like two', () => {
  expect(printableLine('x\n2026 alice\tok')).toBe('x\\n2026 alice\\tok');
});

test('any JSON reads back as it was and has nothing that a terminal obeys', () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
      const text = printableJsonText(JSON.stringify(value, null, 2));
      expect(text).not.toMatch(/[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}]/u);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

describe('an excerpt', () => {
  test('is short text as it is', () => {
    expect(excerpt('')).toBe('');
    expect(excerpt('x'.repeat(200))).toBe('x'.repeat(200));
  });

  test('is the beginning of long text, and how long it is', () => {
    expect(excerpt('x'.repeat(34_000))).toBe(`${'x'.repeat(200)}… (34000 characters)`);
    expect(excerpt('😀'.repeat(200))).toBe(`${'😀'.repeat(100)}… (400 characters)`);
    expect(excerpt(`x${'😀'.repeat(200)}`)).toBe(`x${'😀'.repeat(99)}… (401 characters)`);
  });
});
