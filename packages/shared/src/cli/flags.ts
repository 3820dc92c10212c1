import { formatByteSize, parseByteSize } from '../byte-size.js';
import { formatDuration, parseDuration } from '../duration.js';
import { DeployError } from '../errors.js';

/** The type of a flag's value: durations are milliseconds, sizes are bytes, a list collects repeated flags in order. */
export type FlagType = 'string' | 'bool' | 'int' | 'duration' | 'size' | 'list';

/** The kind of names that completion offers after a flag. */
export type Completes =
  | 'component'
  | 'version'
  | 'layer'
  | 'configuration'
  | 'host'
  | 'file'
  | 'directory'
  | 'upload';

export interface FlagSpec {
  readonly name: string;
  readonly type: FlagType;
  readonly help: string;
  /** In the form of the command line. */
  readonly default?: string;
  /** Bounds of a number, inclusive, in the unit of its type: milliseconds, bytes. */
  readonly min?: number;
  readonly max?: number;
  readonly completes?: Completes;
  /** The only permitted values; completion offers them. */
  readonly oneOf?: readonly string[];
}

/** A word without a flag. A word for two flags is split at its first colon. */
export interface PositionalSpec {
  /** As shown in help: `COMPONENT:VERSION`. */
  readonly label: string;
  /** The flags whose values the word contains. */
  readonly flags: readonly [string] | readonly [string, string];
  /** Whether all remaining words are meant. */
  readonly rest?: boolean;
}

interface ValueTypes {
  string: string;
  bool: boolean;
  int: number;
  duration: number;
  size: number;
  list: readonly string[];
}

type Always<F extends FlagSpec> = F['type'] extends 'bool' | 'list'
  ? true
  : F extends { readonly default: string }
    ? true
    : false;

/** The values of a set of flags: undefined where a flag was not given and has no default. */
export type FlagValues<Fs extends readonly FlagSpec[]> = {
  readonly [F in Fs[number] as F['name']]: Always<F> extends true
    ? ValueTypes[F['type']]
    : ValueTypes[F['type']] | undefined;
};

/** A flag's value of any type. */
export type FlagValue = string | boolean | number | readonly string[] | undefined;

export interface Grammar<Fs extends readonly FlagSpec[]> {
  readonly flags: Fs;
  readonly positionals?: readonly PositionalSpec[];
}

export interface ParsedFlags<Fs extends readonly FlagSpec[]> {
  readonly values: FlagValues<Fs>;
  /** Whether -h, -help or --help was given. */
  readonly help: boolean;
  /** The names of the given flags, in any form. */
  readonly given: ReadonlySet<string>;
}

/**
 * Parses a command line like Go's flag package: `-name x`, `-name=x`, `--name x`, booleans `-v` and `-v=false`. A value may begin
 * with a dash. The last value of a repeated flag counts. Unlike in Go, flags may follow words without a flag; `--` ends flags. A
 * value that is given by a flag and by a word is a usage error.
 * @throws DeployError usage.
 */
export function parseFlags<const Fs extends readonly FlagSpec[]>(
  grammar: Grammar<Fs>,
  argv: readonly string[],
): ParsedFlags<Fs> {
  const written = readFlags(grammar.flags, argv);
  const given = new Map([...written.texts, ...positionalTexts(grammar, written)]);
  const values = Object.create(null) as Record<string, FlagValue>;
  for (const flag of grammar.flags) values[flag.name] = convert(flag, given.get(flag.name) ?? []);
  return { values: values as FlagValues<Fs>, help: written.help, given: new Set(given.keys()) };
}

/**
 * Separates a program's own flags from its subcommand, the first word without a dash.
 * @returns the flags, and the rest: it begins with the subcommand, or is empty.
 */
export function splitSubcommand(flags: readonly FlagSpec[], argv: readonly string[]): [string[], string[]] {
  for (let index = 0; index < argv.length; index += 1) {
    const token = argv[index] ?? '';
    if (token === '--') return [argv.slice(0, index), argv.slice(index + 1)];
    const flag = asFlag(token);
    if (flag === undefined) return [argv.slice(0, index), argv.slice(index)];
    const spec = flags.find((candidate) => candidate.name === flag.name);
    if (spec !== undefined && spec.type !== 'bool' && flag.value === undefined) index += 1;
  }
  return [[...argv], []];
}

/** The values of flags as texts, by name, in the order of the command line. */
type Texts = Map<string, string[]>;

interface Written {
  readonly texts: Texts;
  /** The words without a flag. */
  readonly words: readonly string[];
  readonly help: boolean;
}

function readFlags(flags: readonly FlagSpec[], argv: readonly string[]): Written {
  const texts: Texts = new Map();
  const words: string[] = [];
  let help = false;
  for (let index = 0; index < argv.length; index += 1) {
    const token = argv[index] ?? '';
    if (token === '--') {
      words.push(...argv.slice(index + 1));
      break;
    }
    const flag = asFlag(token);
    if (flag === undefined) {
      words.push(token);
      continue;
    }
    const spec = flags.find((candidate) => candidate.name === flag.name);
    if (spec !== undefined) {
      let { value } = flag;
      if (value === undefined && spec.type === 'bool') value = 'true';
      if (value === undefined) {
        index += 1;
        value = argv[index];
      }
      if (value === undefined) throw new DeployError('usage', `flag needs an argument: -${flag.name}`);
      addText(texts, spec.name, value);
    } else if (flag.name === 'h' || flag.name === 'help') help = true;
    else throw new DeployError('usage', `flag provided but not defined: -${flag.name}`);
  }
  return { texts, words, help };
}

function addText(texts: Texts, name: string, text: string): void {
  const others = texts.get(name);
  if (others === undefined) texts.set(name, [text]);
  else others.push(text);
}

/** The flag that a word is: `-name`, `--name` or `-name=value`. */
export function asFlag(token: string): { name: string; value: string | undefined } | undefined {
  const match = /^--?([^-=][^=]*)(?:=([\s\S]*))?$/.exec(token);
  return match === null ? undefined : { name: match[1] ?? '', value: match[2] };
}

/**
 * The values that the words without a flag contain, by the names of their flags.
 * @throws DeployError usage for a superfluous word, or when the flag is given too.
 */
function positionalTexts(grammar: Grammar<readonly FlagSpec[]>, { words, texts: flags }: Written): Texts {
  const texts: Texts = new Map();
  for (const [index, word] of words.entries()) {
    const spec = positionalAt(grammar.positionals ?? [], index);
    if (spec === undefined) throw new DeployError('usage', `unexpected argument "${word}"`);
    const [first, second] = spec.flags;
    const colon = word.indexOf(':');
    if (second !== undefined && colon < 0) {
      throw new DeployError('usage', `invalid argument "${word}"`, { hint: `write it as ${spec.label}` });
    }
    const parts = second === undefined ? [word] : [word.slice(0, colon), word.slice(colon + 1)];
    for (const [part, name] of [first, second].entries()) {
      if (name === undefined) continue;
      if (flags.has(name)) throw saidTwice(name, word, spec);
      addText(texts, name, parts[part] ?? '');
    }
  }
  return texts;
}

/** The meaning of the word without a flag at this index; undefined for a superfluous word. */
export function positionalAt(specs: readonly PositionalSpec[], index: number): PositionalSpec | undefined {
  const last = specs.at(-1);
  return specs[index] ?? (last?.rest === true ? last : undefined);
}

/** The error for a value given twice, even with the same text: neither value wins, as the losing one may be the intended one. */
function saidTwice(name: string, word: string, { label }: PositionalSpec): DeployError {
  return new DeployError('usage', `-${name} is given twice: as a flag and by the word "${word}"`, {
    hint: `give either the flag or ${label}; a value with a space in it has to be quoted`,
  });
}

function convert(flag: FlagSpec, texts: readonly string[]): FlagValue {
  if (flag.type === 'list') return texts.map((text) => known(flag, text));
  const text = texts.at(-1) ?? flag.default; // the last value of a repeated flag, as in Go
  if (text === undefined) return flag.type === 'bool' ? false : undefined;
  try {
    return withinBounds(flag, convertText(flag.type, known(flag, text)));
  } catch (error) {
    throw new DeployError('usage', `invalid value "${text}" for flag -${flag.name}`, {
      ...(error instanceof DeployError && error.hint !== undefined ? { hint: error.hint } : {}),
      cause: error,
    });
  }
}

/** Checks that the flag permits the value. @throws DeployError usage. */
function known(flag: FlagSpec, text: string): string {
  if (flag.oneOf === undefined || flag.oneOf.includes(text)) return text;
  throw new DeployError('usage', `invalid value "${text}" for flag -${flag.name}`, {
    hint: `give one of ${flag.oneOf.join(', ')}`,
  });
}

function withinBounds(flag: FlagSpec, value: FlagValue): FlagValue {
  if (typeof value !== 'number') return value;
  const shown = flag.type === 'duration' ? formatDuration : flag.type === 'size' ? formatByteSize : String;
  if (flag.min !== undefined && value < flag.min)
    throw new DeployError('usage', 'too small', { hint: `give at least ${shown(flag.min)}` });
  if (flag.max !== undefined && value > flag.max)
    throw new DeployError('usage', 'too large', { hint: `give at most ${shown(flag.max)}` });
  return value;
}

function convertText(type: Exclude<FlagType, 'list'>, text: string): FlagValue {
  switch (type) {
    case 'string':
      return text;
    case 'duration':
      return parseDuration(text);
    case 'size':
      return parseByteSize(text);
    case 'int':
      if (!/^-?\d{1,15}$/.test(text))
        throw new DeployError('usage', 'not a whole number', { hint: 'give a whole number' });
      return Number(text);
    case 'bool':
      if (/^(1|t|true|TRUE|True|T)$/.test(text)) return true;
      if (/^(0|f|false|FALSE|False|F)$/.test(text)) return false;
      throw new DeployError('usage', 'not a boolean', { hint: 'give true or false' });
  }
}
