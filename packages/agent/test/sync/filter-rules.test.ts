import { filterRules, isExcluded, ruleLines } from '@deploy-tools/agent/sync/filter-rules.js';
import { byteName } from '@deploy-tools/shared/archive/byte-name.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

function excluded(rules: readonly string[], path: string, isDirectory = false): boolean {
  return isExcluded(filterRules(rules.map(byteName)), byteName(path), isDirectory);
}

describe('a rule excludes what rsync(1) says of it', () => {
  it.each([
    ['*.log', 'a/b/x.log', true],
    ['*.log', 'x.logs', false],
    ['/x', 'x', true],
    ['/x', 'a/x', false],
    ['a/x', 'b/a/x', true],
    ['a/x', 'ba/x', false],
    ['/a/*', 'a/b', true],
    ['/a/*', 'a/b/c', false],
    ['/a/**', 'a/b/c', true],
    ['a/**/c', 'a/c', false],
    ['**/c', 'c', true],
    ['x**y', 'd/xa/by', true],
    ['?', 'é', false],
    ['??', 'é', true],
    ['[a-c]', 'b', true],
    ['[!a-c]', 'b', false],
    ['[^a]', 'b', true],
    ['a[!x]b', 'a/b', false],
    ['[[:digit:]]', '7', true],
    ['[]]', ']', true],
    ['[c-a]', 'b', false],
    ['[', '[', false],
    ['\\a', '\\a', true],
    ['\\**', '*', true],
    ['.*', '.git', true],
    ['(a|b)$', '(a|b)$', true],
    ['[^/]*.log', 'x.log', false],
    ['/[^/]*.log', 'x.log', true],
    ['**[/a]x', 'ax', true],
    ['x[^/]**', 'xa', true],
    ['[a\\/]x', 'ax', false],
    ['[/[:alpha:]]', 'a', false],
    ['[a-/]', 'a', false],
    ['d/[/a]b', 'd/ab', false],
    ['[/a', '[/a', false],
    ['\\[/a]*', '[/a]x', true],
    ['[/a[x]', '[', false],
  ])('%s and %s: %s', (rule, path, expected) => {
    expect(excluded([rule], path)).toBe(expected);
  });

  it('with a slash at the end only directories', () => {
    expect(excluded(['x/'], 'x')).toBe(false);
    expect(excluded(['x/'], 'a/x', true)).toBe(true);
  });

  it('with *** at the end also the directory itself', () => {
    expect(excluded(['x/***'], 'x', true)).toBe(true);
    expect(excluded(['x/**'], 'x', true)).toBe(false);
  });
});

it('the first rule that matches decides', () => {
  expect(excluded(['+ keep.log', '*.log'], 'keep.log')).toBe(false);
  expect(excluded(['*.log', '+ keep.log'], 'keep.log')).toBe(true);
  expect(excluded(['- *.log'], 'x.log')).toBe(true);
  expect(excluded(['*.log', '!'], 'x.log')).toBe(false);
});

it.each(['- !', '+ !'])('%s is for files that are called so, and forgets nothing', (rule) => {
  expect(excluded(['*.log', rule], 'keep.log')).toBe(true);
  expect(excluded([rule, '*'], '!')).toBe(rule === '- !');
});

it('a file of rules has comments and empty lines', () => {
  expect(ruleLines('# c\n; c\r\n\n a\n+ b\n#')).toEqual([' a', '+ b']);
});

it('a NUL byte ends a rule in a file', () => {
  expect(ruleLines('a\0b\n\0c\nd')).toEqual(['a', 'd']);
});

it('a rule without a pattern is refused', () => {
  expect(() => filterRules(['+ '])).toThrow('has no pattern');
});

it('whatever the rules, nothing but that is thrown', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'binary' })),
      fc.string(),
      fc.boolean(),
      (rules, path, isDirectory) => {
        const patterns = rules.filter((rule) => !/^[-+] $/.test(rule));
        expect(typeof excluded(patterns, path, isDirectory)).toBe('boolean');
      },
    ),
  );
});
