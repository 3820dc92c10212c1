import { type FlagSpec, parseFlags, splitSubcommand } from '@deploy-tools/shared/cli/flags.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { kindOf } from '../support/kind-of.js';

const FLAGS = [
  { name: 'name', type: 'string', help: '' },
  { name: 'addr', type: 'string', help: '', default: 'localhost:2022' },
  { name: 'v', type: 'bool', help: '' },
  { name: 'poll', type: 'duration', help: '', default: '30s' },
  { name: 'size', type: 'size', help: '' },
  { name: 'limit', type: 'int', help: '', default: '50' },
  { name: 'layer', type: 'list', help: '' },
] as const satisfies readonly FlagSpec[];

const parse = (...argv: string[]) => parseFlags({ flags: FLAGS }, argv).values;

/** Words that parsers like to treat in some way of their own. */
const AWKWARD = ['', '-', '--', '---', '-v', '--name', '=', '"', "'", '"a"', `'a'`, '"a', 'a=b', '=a', '-1'];
const MORE = [
  '0x10',
  '1e3',
  'true',
  'null',
  'undefined',
  '__proto__',
  'constructor',
  '--no-v',
  'a\nb',
  ' a ',
  '\\',
];
const anyValue = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...AWKWARD, ...MORE));

describe('values', () => {
  test('any value survives, in every form of writing it', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        for (const argv of [['-name', value], [`-name=${value}`], ['--name', value], [`--name=${value}`]]) {
          expect(parse(...argv).name).toBe(value);
        }
      }),
    );
  });

  test('any list of values survives, in order', () => {
    fc.assert(
      fc.property(fc.array(anyValue), fc.boolean(), (values, joined) => {
        const argv = values.flatMap((value) => (joined ? [`-layer=${value}`] : ['-layer', value]));
        expect(parse(...argv).layer).toEqual(values);
      }),
    );
  });

  test('any words after -- are positional', () => {
    const grammar = {
      flags: FLAGS,
      positionals: [{ label: 'LAYER', flags: ['layer'], rest: true }],
    } as const;
    fc.assert(
      fc.property(fc.array(anyValue), (words) => {
        expect(parseFlags(grammar, ['--', ...words]).values.layer).toEqual(words);
      }),
    );
  });

  test('any command line gives values or a usage error', () => {
    fc.assert(
      fc.property(fc.array(anyValue), (argv) => {
        expect(['usage', 'nothing thrown']).toContain(kindOf(() => parse(...argv)));
      }),
    );
  });

  test('a flag may have a name that objects have, too', () => {
    for (const name of ['constructor', 'toString', 'hasOwnProperty', '_', 'valueOf']) {
      const values: Readonly<Record<string, unknown>> = parseFlags(
        { flags: [{ name, type: 'string', help: '' }] },
        [`-${name}`, 'x'],
      ).values;
      expect(values[name]).toBe('x');
    }
  });

  test('names that objects have are not flags', () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      expect(kindOf(() => parse(`-${name}`, 'x'))).toBe('usage');
      expect(kindOf(() => parse(`--${name}.polluted=x`))).toBe('usage');
    }
    expect('polluted' in {}).toBe(false);
  });
});

describe('Go forms', () => {
  test('a boolean takes its value after = only', () => {
    expect(parse('-v').v).toBe(true);
    expect(parse('--v').v).toBe(true);
    expect(parse('-v=false').v).toBe(false);
    for (const text of ['1', 't', 'T', 'true', 'TRUE', 'True']) expect(parse(`-v=${text}`).v).toBe(true);
    for (const text of ['0', 'f', 'F', 'false', 'FALSE', 'False']) expect(parse(`-v=${text}`).v).toBe(false);
    expect(kindOf(() => parse('-v=yes'))).toBe('usage');
    expect(kindOf(() => parse('-v', 'false'))).toBe('usage'); // a word that no flag takes
  });

  test('types are converted', () => {
    const values = parse('-poll', '1h30m', '-size=2G', '-limit', '-7');
    expect(values).toMatchObject({ poll: 5_400_000, size: 2 * 1024 ** 3, limit: -7 });
  });

  test('what is not given has its default, or is undefined, false or empty', () => {
    const values = parse();
    expect(values.addr).toBe('localhost:2022');
    expect(values.poll).toBe(30_000);
    expect([values.name, values.size, values.v, values.layer]).toEqual([undefined, undefined, false, []]);
  });

  test('messages are those of Go', () => {
    expect(() => parse('-nosuchflag')).toThrow('flag provided but not defined: -nosuchflag');
    expect(() => parse('-name')).toThrow('flag needs an argument: -name');
    expect(() => parse('-poll', 'soon')).toThrow('invalid value "soon" for flag -poll');
  });

  test('-h, -help and --help ask for help, unless they are flags', () => {
    for (const word of ['-h', '--h', '-help', '--help']) {
      expect(parseFlags({ flags: FLAGS }, [word]).help).toBe(true);
    }
    const own = [{ name: 'h', type: 'bool', help: '' }] as const;
    expect(parseFlags({ flags: own }, ['-h'])).toMatchObject({ help: false, values: { h: true } });
    expect(parseFlags({ flags: FLAGS }, ['-name', '-h'])).toMatchObject({
      help: false,
      values: { name: '-h' },
    });
  });

  test('given tells flags that were written, not those that have a default', () => {
    expect([...parseFlags({ flags: FLAGS }, ['-v=false', '-name', 'x']).given].sort()).toEqual(['name', 'v']);
  });
});

describe('positional words', () => {
  const grammar = {
    flags: [
      { name: 'name', type: 'string', help: '' },
      { name: 'component', type: 'string', help: '' },
      { name: 'version', type: 'string', help: '' },
      { name: 'json', type: 'bool', help: '' },
    ],
    positionals: [
      { label: 'CONFIGURATION', flags: ['name'] },
      { label: 'COMPONENT:VERSION', flags: ['component', 'version'] },
    ],
  } as const;

  test('may stand between flags; a pair is split at its first colon', () => {
    const { values } = parseFlags(grammar, ['project1', '-json', 'code:v:2']);
    expect(values).toMatchObject({ name: 'project1', component: 'code', version: 'v:2', json: true });
  });

  test('a pair without a colon, and a word too many, are usage errors', () => {
    expect(() => parseFlags(grammar, ['project1', 'code'])).toThrow('invalid argument "code"');
    expect(() => parseFlags(grammar, ['project1', 'code:v1', 'x'])).toThrow('unexpected argument "x"');
  });
});

describe('splitSubcommand', () => {
  test('takes flags with their values, up to the first other word', () => {
    expect(splitSubcommand(FLAGS, ['-addr', 'x:1', '-v', 'addver', '-name', 'code'])).toEqual([
      ['-addr', 'x:1', '-v'],
      ['addver', '-name', 'code'],
    ]);
    expect(splitSubcommand(FLAGS, ['-addr=x', '--', '-odd'])).toEqual([['-addr=x'], ['-odd']]);
    expect(splitSubcommand(FLAGS, ['-name'])).toEqual([['-name'], []]);
  });

  test('never loses or reorders a word', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(anyValue, fc.constantFrom('-addr', '-v', '-name=x', 'cmd'))), (argv) => {
        const [own, rest] = splitSubcommand(FLAGS, argv);
        const dashes = argv.length === own.length + rest.length ? [] : ['--'];
        expect([...own, ...dashes, ...rest]).toEqual(argv);
      }),
    );
  });
});

describe('a flag that takes some values only', () => {
  const grammar = {
    flags: [
      { name: 'do', type: 'string', help: '', oneOf: ['add', 'remove'] },
      { name: 'event', type: 'list', help: '', oneOf: ['a', 'b'] },
    ],
    positionals: [{ label: 'add|remove', flags: ['do'] }],
  } as const;

  test('takes these, and refuses others with what it takes', () => {
    expect(parseFlags(grammar, ['add', '-event', 'a', '-event=b']).values).toEqual({
      do: 'add',
      event: ['a', 'b'],
    });
    expect(parseFlags(grammar, []).values).toEqual({ do: undefined, event: [] });
    for (const argv of [['change'], ['-do', ''], ['add', '-event', 'a', '-event', 'c']]) {
      expect(kindOf(() => parseFlags(grammar, argv))).toBe('usage');
    }
  });
});
