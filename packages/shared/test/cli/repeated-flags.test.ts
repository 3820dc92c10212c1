import { parseFlags } from '@deploy-tools/shared/cli/flags.js';
import { describe, expect, test } from 'vitest';

const GRAMMAR = {
  flags: [
    { name: 'layer', type: 'list', help: '' },
    { name: 'name', type: 'string', help: '' },
  ],
  positionals: [{ label: 'LAYER', flags: ['layer'], rest: true }],
} as const;

describe('a flag given more than once', () => {
  test('keeps every value of a list, in order', () => {
    expect(parseFlags(GRAMMAR, ['-layer=a', '-layer', 'b', '--layer=c']).values.layer).toEqual([
      'a',
      'b',
      'c',
    ]);
    expect(parseFlags(GRAMMAR, ['a', 'b']).values.layer).toEqual(['a', 'b']);
  });

  test('keeps the last value of anything else, as Go does', () => {
    expect(parseFlags(GRAMMAR, ['-name=a', '-name', 'b']).values.name).toBe('b');
  });
});
