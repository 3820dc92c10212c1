import type { Completes, FlagSpec, PositionalSpec } from '@deploy-tools/shared/cli/flags.js';
import { splitSubcommand } from '@deploy-tools/shared/cli/flags.js';
import type { CommandSpec } from '@deploy-tools/shared/commands/command-specs.js';

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
    | { readonly kind: 'file' | 'directory' | 'component' | 'configuration' | 'host' }
    | { readonly kind: 'layer' | 'version'; readonly component: string | undefined }
  );

/**
 * Finds out what is being typed.
 * @param words everything after the program's name; the last one is to be completed.
 * @returns undefined when nothing can be offered.
 */
export function completionFor(
  own: readonly FlagSpec[],
  commands: readonly CommandSpec[],
  words: readonly string[],
): Completion | undefined {
  const before = words.slice(0, -1);
  const word = words.at(-1) ?? '';
  const [ownWords, [name, ...rest]] = splitSubcommand(own, before);
  if (name === undefined) {
    const names = [...commands.map((command) => command.name), 'completion'];
    return inCommand({ flags: own, positionals: [] }, ownWords, word, names);
  }
  if (name === 'completion') return choose(word, ['bash', 'zsh', 'fish']);
  if (name === 'help')
    return choose(
      word,
      commands.map((command) => command.name),
    );
  const command = commands.find((candidate) => candidate.name === name);
  return command === undefined ? undefined : inCommand(command, rest, word, []);
}

interface Grammar {
  readonly flags: readonly FlagSpec[];
  readonly positionals: readonly PositionalSpec[];
}

function inCommand(
  grammar: Grammar,
  before: readonly string[],
  word: string,
  names: readonly string[],
): Completion | undefined {
  const read = readWords(grammar, before);
  if (read.open !== undefined) return forFlag(read.open, { word, prefix: '' }, read.values);
  const equals = /^--?([^=]+)=/.exec(word);
  if (equals !== null) {
    const flag = grammar.flags.find((candidate) => candidate.name === equals[1]);
    return flag && forFlag(flag, { word, prefix: equals[0] }, read.values);
  }
  if (word.startsWith('-'))
    return choose(
      word,
      grammar.flags.map((flag) => `-${flag.name}`),
    );
  if (names.length > 0) return choose(word, names);
  return forPositional(grammar, read, word);
}

interface ReadWords {
  /** A flag whose value comes next. */
  readonly open: FlagSpec | undefined;
  readonly values: ReadonlyMap<string, string>;
  readonly positionals: number;
}

/** Reads what stands before the word, forgiving what the real parser would refuse. */
function readWords({ flags, positionals }: Grammar, words: readonly string[]): ReadWords {
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

function forPositional(grammar: Grammar, read: ReadWords, word: string): Completion | undefined {
  const last = grammar.positionals.at(-1);
  const positional = grammar.positionals[read.positionals] ?? (last?.rest === true ? last : undefined);
  if (positional === undefined) return undefined;
  const [first, second] = positional.flags;
  if (second !== undefined) return layer({ word, prefix: '' });
  const flag = grammar.flags.find((candidate) => candidate.name === first);
  return flag && forFlag(flag, { word, prefix: '' }, read.values);
}

function forFlag(flag: FlagSpec, at: Word, values: ReadonlyMap<string, string>): Completion | undefined {
  if (flag.oneOf !== undefined) return { ...at, kind: 'words', words: flag.oneOf };
  const kind: Completes | undefined = flag.completes;
  switch (kind) {
    case undefined:
    case 'upload':
      return undefined;
    case 'layer':
      return layer(at);
    case 'version':
      return { ...at, kind, component: values.get('component') ?? values.get('name') };
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

function choose(word: string, words: readonly string[]): Completion {
  return { word, prefix: '', kind: 'words', words };
}
