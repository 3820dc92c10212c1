import { execFileSync } from 'node:child_process';
import {
  joinCommandLine,
  MAX_COMMAND_LINE,
  quoteWord,
  splitCommandLine,
} from '@deploy-tools/shared/cli/command-line.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { kindOf } from '../support/kind-of.js';

const shellChars = fc.string({ unit: fc.constantFrom(...'ab $`"\'\\\n\t!#&;|<>()*?[]{}~=:-é😀') });
const anyWord = fc.oneof(fc.string({ unit: 'binary' }), shellChars);

describe('joinCommandLine', () => {
  test('splitCommandLine reads any words back', () => {
    fc.assert(
      fc.property(fc.array(anyWord), (words) => {
        expect(splitCommandLine(joinCommandLine(words))).toEqual(words);
      }),
      { numRuns: 500 },
    );
  });

  test('a POSIX shell reads any words back, and expands nothing', () => {
    const asked: string[][] = fc.sample(fc.array(shellChars, { minLength: 1 }), 200);
    const script = asked.map((words) => `printf '%s\\0' ${joinCommandLine(words)}; printf '\\1'`).join('\n');
    const printed = execFileSync('/bin/sh', ['-s'], { input: script, encoding: 'utf8' });
    const read = printed.split('\x01').slice(0, -1);
    expect(read.map((words) => words.split('\0').slice(0, -1))).toEqual(asked);
  });

  test('quotes as the original clients do, and only where it is needed', () => {
    expect(quoteWord('v1.0-rc+2@x,y:z/a_b%=')).toBe('v1.0-rc+2@x,y:z/a_b%=');
    expect(quoteWord('v 02')).toBe('"v 02"');
    expect(quoteWord('a"b\\c')).toBe('"a\\"b\\\\c"');
    expect(quoteWord('')).toBe('""');
  });
});

describe('splitCommandLine', () => {
  test.each([
    ['addver -name="code" -version="v 02" -hash=00', ['addver', '-name=code', '-version=v 02', '-hash=00']],
    ['addver -name "a\\"b" -version "c\\\\d"', ['addver', '-name', 'a"b', '-version', 'c\\d']],
    [`changeconf -version 'v 02'`, ['changeconf', '-version', 'v 02']],
    ['addver -version v\\ 02', ['addver', '-version', 'v 02']],
    [`a'b\\\\c'"d"`, ['ab\\\\cd']],
    ['"a\\\\\\\\""b"', ['a\\\\b']],
    ['"\\$a\\`b\\c"', ['$a`b\\c']],
    [`$'\\x41' $"b"`, ['$\\x41', '$b']],
    ['a\\\nb "c\\\nd" e\nf', ['ab', 'cd', 'e', 'f']],
    ['a\u00a0b', ['a\u00a0b']],
    ['a""b \'\' ""', ['ab', '', '']],
    ['addver -name $HOME `id` ~ *', ['addver', '-name', '$HOME', '`id`', '~', '*']],
    ['addver -name a#b # c', ['addver', '-name', 'a#b', '#', 'c']],
    ['  help \t\n', ['help']],
    ['', []],
  ])('%j', (line, words) => {
    expect(splitCommandLine(line)).toEqual(words);
  });

  test.each(["'unterminated", '"unterminated', 'a\\', '"a\\"', `"a'`])('refuses %j', (line) => {
    expect(() => splitCommandLine(line)).toThrow('invalid command line string');
  });

  test('any text gives words or a usage error', () => {
    fc.assert(
      fc.property(anyWord, (line) => {
        expect(['usage', 'nothing thrown']).toContain(kindOf(() => splitCommandLine(line)));
      }),
      { numRuns: 500 },
    );
  });

  test('bounds the length of a line, in bytes', () => {
    expect(splitCommandLine('a'.repeat(MAX_COMMAND_LINE))).toHaveLength(1);
    expect(kindOf(() => splitCommandLine('a'.repeat(MAX_COMMAND_LINE + 1)))).toBe('usage');
    expect(kindOf(() => splitCommandLine('é'.repeat(MAX_COMMAND_LINE / 2 + 1)))).toBe('usage');
  });
});
