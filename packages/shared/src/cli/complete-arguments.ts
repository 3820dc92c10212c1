import { asFlag, type Completes, type FlagSpec, type PositionalSpec, positionalAt } from './flags.js';

interface Word {
  /** The whole word as typed so far. */
  readonly word: string;
  /** The part of the word before the completed part: `-name=` or `code:`. Each candidate begins with it. */
  readonly prefix: string;
}

/** The possible completions of the last word of an unfinished command line. */
export type Completion = Word &
  (
    | { readonly kind: 'words'; readonly words: readonly string[] }
    | { readonly kind: Exclude<Completes, 'layer' | 'version'> }
    /** Without a component, components are completed. */
    | { readonly kind: 'layer' | 'version'; readonly component: string | undefined }
  );

/** The arguments of a command. */
export interface ArgumentGrammar {
  readonly flags: readonly FlagSpec[];
  readonly positionals: readonly PositionalSpec[];
  /** The subcommands, where the next word without a flag is one of them. */
  readonly words?: readonly string[];
}

/**
 * Finds the completion of the last word of a command.
 * @param before the words between the command and the last word.
 * @param word the typed part of the last word, without quotes.
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

/** Reads the words before the last one; ignores errors that the real parser would refuse. */
function readWords({ flags, positionals }: ArgumentGrammar, words: readonly string[]): ReadWords {
  const values = new Map<string, string>();
  let open: FlagSpec | undefined;
  let count = 0;
  for (const word of words) {
    const written = asFlag(word);
    if (open !== undefined) {
      values.set(open.name, word);
      open = undefined;
    } else if (written === undefined) {
      const [first, second] = positionals[count]?.flags ?? [];
      const colon = second === undefined ? word.length : word.indexOf(':');
      if (first !== undefined) values.set(first, word.slice(0, colon));
      count += 1;
    } else {
      const flag = flags.find((candidate) => candidate.name === written.name);
      if (written.value !== undefined) values.set(written.name, written.value);
      else if (flag !== undefined && flag.type !== 'bool') open = flag;
    }
  }
  return { open, values, positionals: count };
}

/** The flag whose value is the next word without a flag. */
function positionalFlag({ flags, positionals }: ArgumentGrammar, count: number): CompletedFlag | undefined {
  const [first, second] = positionalAt(positionals, count)?.flags ?? [];
  return second === undefined ? flags.find(({ name }) => name === first) : { completes: 'layer' };
}

type CompletedFlag = Pick<FlagSpec, 'completes' | 'oneOf'>;

function forFlag(flag: CompletedFlag, at: Word, component: string | undefined): Completion | undefined {
  if (flag.oneOf !== undefined) return { ...at, kind: 'words', words: flag.oneOf };
  const kind: Completes | undefined = flag.completes;
  if (kind === undefined) return undefined;
  if (kind === 'layer') return layer(at);
  return kind === 'version' ? { ...at, kind, component } : { ...at, kind };
}

/** Completes `code` to `code:`, and `code:v` to `code:v01`. */
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

/** Completes to one of these words. */
export function oneOf(word: string, words: readonly string[]): Completion {
  return { word, prefix: '', kind: 'words', words };
}

/** The names that exist, for {@link offeredWords}. */
export interface NameSource {
  components(): Promise<readonly string[]>;
  configurations(): Promise<readonly string[]>;
  hosts(): Promise<readonly string[]>;
  uploads(): Promise<readonly string[]>;
  versions(component: string): Promise<readonly string[]>;
}

/** The whole words that a completion offers; none for files and directories, which the shell knows itself. */
export async function offeredWords(completion: Completion, names: NameSource): Promise<string[]> {
  const offered = await namesFor(completion, names);
  const words = offered.map((name) => completion.prefix + name);
  return words.filter((word) => word.startsWith(completion.word));
}

async function namesFor(completion: Completion, names: NameSource): Promise<readonly string[]> {
  switch (completion.kind) {
    case 'words':
      return completion.words;
    case 'file':
    case 'directory':
      return [];
    case 'host':
      return names.hosts();
    case 'component':
      return names.components();
    case 'configuration':
      return names.configurations();
    case 'upload':
      return names.uploads();
    case 'layer':
    case 'version': {
      const { kind, component } = completion;
      if (component !== undefined) return names.versions(component);
      return kind === 'version' ? [] : (await names.components()).map((name) => `${name}:`);
    }
  }
}
