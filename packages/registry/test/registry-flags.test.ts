import { REGISTRY_FLAGS } from '@deploy-tools/registry/registry-flags.js';
import { parseFlags } from '@deploy-tools/shared/cli/flags.js';
import { describe, expect, it } from 'vitest';
import { kindOf } from '../../shared/test/support/kind-of.js';

describe('a wrong command line of the registry', () => {
  const cases: Record<string, [string[], string]> = {
    'unknown flag': [['-nosuch', 'x'], 'flag provided but not defined: -nosuch'],
    'bad duration': [['-deadline', '30'], 'invalid value "30" for flag -deadline'],
    'negative duration': [['-deadline', '-5s'], 'invalid value "-5s" for flag -deadline'],
    'no time to authenticate': [['-handshake', '0'], 'invalid value "0" for flag -handshake'],
    'bad number': [['-maxver', 'ten'], 'invalid value "ten" for flag -maxver'],
    'negative number': [['-maxver', '-1'], 'invalid value "-1" for flag -maxver'],
    'no connection allowed': [['-max-conns', '0'], 'invalid value "0" for flag -max-conns'],
    'longer than a timer lasts': [['-deadline', '1000h'], 'invalid value "1000h" for flag -deadline'],
    'bad size': [['-max-upload', 'much'], 'invalid value "much" for flag -max-upload'],
    'nothing may be unpacked': [['-max-unpacked', '0'], 'invalid value "0" for flag -max-unpacked'],
    'bad boolean': [['-compat=perhaps'], 'invalid value "perhaps" for flag -compat'],
    'a word too many': [['start'], 'unexpected argument "start"'],
    'a flag without its value': [['-maxver'], 'flag needs an argument: -maxver'],
  };

  it.each(Object.entries(cases))('%s', (_name, [flags, sentence]) => {
    const parse = () => parseFlags({ flags: REGISTRY_FLAGS, positionals: [] }, flags);
    expect(parse).toThrow(sentence);
    expect(kindOf(parse)).toBe('usage');
  });
});
