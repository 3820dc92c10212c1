import { closestWord } from '@deploy-tools/shared/cli/closest-word.js';
import { type FlagSpec, parseFlags } from '@deploy-tools/shared/cli/flags.js';
import { describeError } from '@deploy-tools/shared/errors.js';
import type { LineCounter as Lines, Node, YAMLError, YAMLMap } from 'yaml';
import { isMap, isScalar, isSeq, LineCounter, parseDocument } from './yaml.js';

/** Notes mistakes, each with its place in the file. */
export class Mistakes {
  readonly list: string[] = [];
  readonly #lines: Lines;

  constructor(lines: Lines) {
    this.#lines = lines;
  }

  add(offset: number, what: string): void {
    const { line, col } = this.#lines.linePos(offset);
    this.list.push(`line ${line}, column ${col}: ${what}`);
  }

  at(node: unknown, what: string): void {
    this.add((node as Node | null)?.range?.[0] ?? 0, what);
  }

  /** All mistakes; several have a line each. @param label of the file. */
  text(label: string): string {
    const { list } = this;
    if (list.length === 1) return `${label}: ${list[0]}`;
    return [`${label} has ${list.length} mistakes:`, ...list.map((mistake) => `  ${mistake}`)].join('\n');
  }
}

export interface ReadYaml<T> {
  /** Undefined where there are mistakes. */
  readonly value: T | undefined;
  readonly mistakes: Mistakes;
}

/** Reads a YAML file with `read`, which gets the root node and notes mistakes. */
export function readYaml<T>(text: string, read: (root: unknown, mistakes: Mistakes) => T): ReadYaml<T> {
  const lineCounter = new LineCounter();
  const { errors, contents } = parseDocument(text, { lineCounter, prettyErrors: false, logLevel: 'silent' });
  const mistakes = new Mistakes(lineCounter);
  noteSyntax(errors, mistakes);
  const value = mistakes.list.length === 0 ? read(contents, mistakes) : undefined;
  return { value: mistakes.list.length === 0 ? value : undefined, mistakes };
}

/** Syntax errors in words for people, by the parser's names. */
const WORDS: Readonly<Record<string, string>> = {
  BLOCK_AS_IMPLICIT_KEY:
    'a key and its value have one line; put quotes around a value with ": " in it, and check the indentation',
  MULTILINE_IMPLICIT_KEY: 'there is no ":" after a key, or the indentation is wrong',
  TAB_AS_INDENT: 'a tab is no indentation; use spaces',
  BAD_INDENT: 'the indentation is wrong, or a list in [] does not end',
  MISSING_CHAR: 'a quote, a bracket, a comma or a ":" is missing',
  DUPLICATE_KEY: 'this key is here twice',
  BAD_SCALAR_START: 'a value cannot begin with this character; put quotes around it',
  BAD_DQ_ESCAPE: 'there is a wrong escape in double quotes; use single quotes, or \\\\ for a backslash',
  UNEXPECTED_TOKEN: 'this does not belong here; check the indentation and the lines before',
  MULTIPLE_DOCS: 'there is more than one document in the file',
};

const UNKNOWN = 'this is no YAML; check quotes and indentation';

/** Notes the first syntax error, since the others mostly follow from it, or all keys that are there twice. */
function noteSyntax(errors: readonly YAMLError[], mistakes: Mistakes): void {
  const first = errors.find(({ code }) => code !== 'DUPLICATE_KEY');
  const shown = first === undefined ? errors : [first];
  for (const { code, pos } of shown) mistakes.add(pos[0], WORDS[code] ?? UNKNOWN);
}

/** Takes the value of a key that is no flag: its node, or the key's where there is none. */
export type Beside = Readonly<Record<string, (node: unknown) => void>>;

interface KnownKeys {
  readonly keys: readonly FlagSpec[];
  readonly beside: Beside;
}

/** Reads the keys of a map, checked, as flags on a command line. */
export function flagsOf(node: unknown, { keys, beside }: KnownKeys, mistakes: Mistakes): string[] {
  if (!isMap(node)) {
    mistakes.at(node, 'keys with values are expected here');
    return [];
  }
  return node.items.flatMap(({ key, value }) => {
    const name = isScalar(key) ? String(key.value) : '';
    if (Object.hasOwn(beside, name)) {
      beside[name]?.(value ?? key);
      return [];
    }
    const flag = keys.find((known) => known.name === name);
    if (flag !== undefined) return wordsOf(flag, value ?? key, mistakes);
    mistakes.at(
      key,
      `there is no key "${name}" here; ${insteadOf(name, [...keys.map((known) => known.name), ...Object.keys(beside)])}`,
    );
    return [];
  });
}

/** Keys that a message lists at most. */
const MAX_LISTED_KEYS = 12;

function insteadOf(name: string, known: readonly string[]): string {
  const meant = closestWord(name, known);
  if (meant !== undefined) return `did you mean ${meant}?`;
  return known.length <= MAX_LISTED_KEYS
    ? `there are ${known.join(', ')}`
    : 'its keys are named as the flags are';
}

function wordsOf(flag: FlagSpec, node: unknown, mistakes: Mistakes): string[] {
  const nodes = flag.type === 'list' && isSeq(node) ? node.items : [node];
  return nodes.flatMap((item) => {
    const text = textOf(item);
    if (text === undefined) {
      mistakes.at(item, `${flag.name} needs ${flag.type === 'list' ? 'a list of values' : 'one value'}`);
      return [];
    }
    const word = `-${flag.name}=${text}`;
    try {
      parseFlags({ flags: [flag] }, [word]);
    } catch (error) {
      mistakes.at(item, describeError(error).replace(`flag -${flag.name}`, flag.name));
    }
    return [word];
  });
}

/** The text of a scalar as it is written; undefined for other nodes. */
export function textOf(node: unknown): string | undefined {
  if (!isScalar(node) || node.value === null) return undefined;
  return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
}

/** Reads a list of words; notes a mistake for anything else. */
export function textsOf(node: unknown, name: string, mistakes: Mistakes): string[] {
  const texts = isSeq(node) ? node.items.map(textOf) : [undefined];
  if (texts.length > 0 && texts.every((text) => text !== undefined)) return texts;
  mistakes.at(node, `${name} needs a list of words`);
  return [];
}

/** Reads a map of KEY: VALUE as texts KEY=VALUE. */
export function pairsOf(node: unknown, name: string, mistakes: Mistakes): string[] {
  if (isMap(node))
    return (node as YAMLMap).items.flatMap(({ key, value }) => {
      const text = textOf(value);
      if (text !== undefined) return [`${textOf(key) ?? ''}=${text}`];
      mistakes.at(key, `${name} needs one value for each key`);
      return [];
    });
  mistakes.at(node, `${name} needs keys with values`);
  return [];
}
