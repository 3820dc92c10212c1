import { ADDVER_LOCAL } from '@deploy-tools/ctl/addver/addver-spec.js';
import { type FlagSpec, type FlagValue, parseFlags } from '@deploy-tools/shared/cli/flags.js';
import { COMMAND_SPECS, type CommandSpec } from '@deploy-tools/shared/commands/command-specs.js';
import { isDeployError } from '@deploy-tools/shared/errors.js';
import { describe, expect, test } from 'vitest';

/** What the registry takes by exec and at the console, and addver as deployctl has it. */
const COMMANDS = [
  ...COMMAND_SPECS.map((spec) => [spec.name, spec] as const),
  ['addver of deployctl', ADDVER_LOCAL as CommandSpec] as const,
];

/** Two values that a flag takes, as they are written. */
function valuesFor({ type, oneOf }: FlagSpec): readonly [string, string] {
  if (oneOf !== undefined) return [oneOf[0] ?? '', oneOf[1] ?? ''];
  if (type === 'bool') return ['true', 'false'];
  if (type === 'string' || type === 'list') return ['given', ''];
  return type === 'int' ? ['7', '8'] : ['7s', '8s'];
}

function written(flags: readonly FlagSpec[], choose: (index: number) => number): string[] {
  return flags.map((flag, index) => `-${flag.name}=${valuesFor(flag)[choose(index) % 2]}`);
}

function subsets<T>(items: readonly T[]): T[][] {
  return Array.from({ length: 2 ** items.length }, (_, set) =>
    items.filter((_item, bit) => (set >> bit) & 1),
  );
}

/** A word for each place that the command has for one. */
function wordsOf(command: CommandSpec): readonly string[] {
  return command.positionals.map(({ flags: [first, second] }) => {
    const [word = 'word'] = command.flags.find(({ name }) => name === first)?.oneOf ?? [];
    return second === undefined ? word : `${word}:v9`;
  });
}

/** None that fit, some, all, and one more; and what people write after a boolean, or where a blank is not quoted. */
function wordLists(command: CommandSpec): readonly (readonly string[])[] {
  const words = wordsOf(command);
  if (words.length === 0) return [['false']];
  return [
    ['false'],
    [''],
    ['a:b'],
    ...words.map((_, last) => words.slice(0, last + 1)),
    [...words, 'more:v9'],
  ];
}

type Values = Readonly<Record<string, FlagValue>>;

/** The values of all flags; undefined after a usage error. */
function parsed(command: CommandSpec, argv: readonly string[]): Values | undefined {
  try {
    return parseFlags(command, argv).values;
  } catch (error) {
    if (isDeployError(error, 'usage')) return undefined;
    throw error;
  }
}

describe.each(COMMANDS)('%s', (_title, command) => {
  test('keeps what a flag says, whatever words are given besides, or refuses them', () => {
    const changed: string[] = [];
    let place = 0; // of the words among the flags
    for (const given of subsets(command.flags)) {
      const flags = written(given, (index) => index);
      const alone = parseFlags(command, flags).values as Values;
      for (const words of wordLists(command)) {
        place = (place + 1) % (flags.length + 1);
        const argv = [...flags.slice(0, place), ...words, ...flags.slice(place)];
        const values = parsed(command, argv);
        const same = ({ name }: FlagSpec) => String(values?.[name]) === String(alone[name]);
        if (values !== undefined && !given.every(same)) changed.push(argv.join(' '));
      }
    }
    expect(changed).toEqual([]);
  });

  test('takes a word for each place beside all other flags', () => {
    const places = command.positionals.flatMap(({ flags }) => [...flags] as string[]);
    const others = command.flags.filter(({ name }) => !places.includes(name));
    const { given } = parseFlags(command, [...wordsOf(command), ...written(others, () => 0)]);
    expect([...given].sort()).toEqual([...places, ...others.map(({ name }) => name)].sort());
    expect(new Set(places).size).toBe(places.length);
  });

  test('takes the last value of a flag that is written twice, as Go does', () => {
    const single = command.flags.filter(({ type }) => type !== 'list');
    const twice = [...written(single, () => 0), ...written(single, () => 1)];
    expect(parsed(command, twice)).toEqual(
      parsed(
        command,
        written(single, () => 1),
      ),
    );
  });
});
