import type { Completes, FlagSpec, PositionalSpec } from './flags.js';

interface Word {
  /** The whole word as typed so far. */
  readonly word: string;
  /** What each candidate begins with: `-name=` or `code:`, which is in the word already. */
  readonly prefix: string;
}

/** What the last word of an unfinished command line can become. */
export type Completion = Word &
  (
    | { readonly kind: 'words'; readonly words: readonly string[] }
    | { readonly kind: Exclude<Completes, 'layer' | 'version'> }
    /** Without a component, the components themselves. */
    | { readonly kind: 'layer' | 'version'; readonly component: string | undefined }
  );

/** What a command takes. */
export interface ArgumentGrammar {
  readonly flags: readonly FlagSpec[];
  readonly positionals: readonly PositionalSpec[];
  /** What the next word without a flag is one of, instead of a positional: the subcommands. */
  readonly words?: readonly string[];
}

/**
 * Finds out what the last word of a command can become.
 * @param before the words between the command and that word.
 * @param word what is typed of it, without quotes.
 * @returns undefined when nothing can be offered.
 */
export function completeArguments(
  grammar: ArgumentGrammar,
  before: readonly string[],
  word: string,
): Completion | undefined {
  const read = readWords(grammar, before);
  const component = read.values.get(grammar.flags.some(isComponent) ? 'component' : 'name');
  if (read.open !== undefined) return forFlag(read.open, { word, prefix: '' }, component);
  const equals = /^--?([^=]+)=/.exec(word);
  if (equals !== null) {
    const flag = grammar.flags.find((candidate) => candidate.name === equals[1]);
    return flag && forFlag(flag, { word, prefix: equals[0] }, component);
  }
  if (word.startsWith('-')) {
    const flags = grammar.flags.map((flag) => `-${flag.name}`);
    return oneOf(word, flags);
  }
  if (grammar.words !== undefined) return oneOf(word, grammar.words);
  const flag = positionalFlag(grammar, read.positionals);
  return flag && forFlag(flag, { word, prefix: '' }, component);
}

function isComponent({ name }: FlagSpec): boolean {
  return name === 'component';
}

interface ReadWords {
  /** A flag whose value comes next. */
  readonly open: FlagSpec | undefined;
  readonly values: ReadonlyMap<string, string>;
  readonly positionals: number;
}

/** Reads what stands before the word, forgiving what the real parser would refuse. */
function readWords({ flags, positionals }: ArgumentGrammar, words: readonly string[]): ReadWords {
  const values = new Map<string, string>();
  let open: FlagSpec | undefined;
  let count = 0;
  for (const word of words) {
    const match = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(word);
    if (open !== undefined) {
      values.set(open.name, word);
      open = undefined;
    } else if (match === null) {
      const [first, second] = positionals[count]?.flags ?? [];
      const colon = second === undefined ? word.length : word.indexOf(':');
      if (first !== undefined) values.set(first, word.slice(0, colon));
      count += 1;
    } else {
      const flag = flags.find((candidate) => candidate.name === match[1]);
      if (match[2] !== undefined) values.set(match[1] ?? '', match[2]);
      else if (flag !== undefined && flag.type !== 'bool') open = flag;
    }
  }
  return { open, values, positionals: count };
}

/** The flag that the next word without a flag stands for. */
function positionalFlag({ flags, positionals }: ArgumentGrammar, count: number): CompletedFlag | undefined {
  const last = positionals.at(-1);
  const positional = positionals[count] ?? (last?.rest === true ? last : undefined);
  if (positional === undefined) return undefined;
  const [first, second] = positional.flags;
  return second === undefined ? flags.find(({ name }) => name === first) : { completes: 'layer' };
}

type CompletedFlag = Pick<FlagSpec, 'completes' | 'oneOf'>;

function forFlag(flag: CompletedFlag, at: Word, component: string | undefined): Completion | undefined {
  if (flag.oneOf !== undefined) return { ...at, kind: 'words', words: flag.oneOf };
  const kind: Completes | undefined = flag.completes;
  switch (kind) {
    case undefined:
      return undefined;
    case 'layer':
      return layer(at);
    case 'version':
      return { ...at, kind, component };
    default:
      return { ...at, kind };
  }
}

/** `code` becomes `code:`, `code:v` becomes `code:v01`. */
function layer({ word, prefix }: Word): Completion {
  const typed = word.slice(prefix.length);
  const colon = typed.indexOf(':');
  if (colon < 0) return { word, prefix, kind: 'layer', component: undefined };
  return {
    word,
    prefix: prefix + typed.slice(0, colon + 1),
    kind: 'layer',
    component: typed.slice(0, colon),
  };
}

/** A completion to one of these words. */
export function oneOf(word: string, words: readonly string[]): Completion {
  return { word, prefix: '', kind: 'words', words };
}
