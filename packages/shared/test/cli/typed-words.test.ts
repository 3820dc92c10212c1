import { joinCommandLine, splitCommandLine, typedWords } from '@deploy-tools/shared/cli/command-line.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';

test.each([
  ['', ['']],
  ['a', ['a']],
  ['a ', ['a', '']],
  ['a "b c', ['a', 'b c']],
  ["a 'b c", ['a', 'b c']],
  ['a b\\ c', ['a', 'b c']],
  ['a "" b', ['a', '', 'b']],
  ['a "b\\', ['a', 'b']],
])('%j', (line, values) => {
  expect(typedWords(line).map(({ value }) => value)).toEqual(values);
});

test('any words that are quoted for a command line are read back, and nothing of the line is lost', () => {
  const word = fc.string({ unit: fc.constantFrom(...'ab "\'\\$`:-=\té') });
  fc.assert(
    fc.property(fc.array(word, { minLength: 1 }), (words) => {
      const line = joinCommandLine(words);
      const read = typedWords(line);
      expect(read.map(({ value }) => value)).toEqual(splitCommandLine(line));
      expect(read.map(({ raw }) => raw).join(' ')).toBe(line);
    }),
  );
});
