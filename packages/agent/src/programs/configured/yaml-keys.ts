import { closestWord } from '@deploy-tools/shared/cli/closest-word.js';
import { type FlagSpec, parseFlags } from '@deploy-tools/shared/cli/flags.js';
import { describeError } from '@deploy-tools/shared/errors.js';
import type { LineCounter, Node, YAMLMap } from 'yaml';
import { isMap, isScalar, isSeq } from './yaml.js';

/** Notes mistakes, each with its place in the file. */
export class Mistakes {
  readonly list: string[] = [];
  readonly #lines: LineCounter;

  constructor(lines: LineCounter) {
    this.#lines = lines;
  }

  /** @param offset in the file, in characters. */
  add(offset: number, what: string): void {
    const { line, col } = this.#lines.linePos(offset);
    this.list.push(`line ${line}, column ${col}: ${what}`);
  }

  at(node: unknown, what: string): void {
    this.add((node as Node | null)?.range?.[0] ?? 0, what);
  }

  /** All of them, each on a line of its own where there are several. @param label of the file. */
  text(label: string): string {
    const { list } = this;
    if (list.length === 1) return `${label}: ${list[0]}`;
    return [`${label} has ${list.length} mistakes:`, ...list.map((mistake) => `  ${mistake}`)].join('\n');
  }
}

/** Takes a value that is no flag: the node, or null where there is none. */
export type Beside = Readonly<Record<string, (node: unknown) => void>>;

export interface KnownKeys {
  /** Keys that are flags. */
  readonly keys: readonly FlagSpec[];
  /** Further keys. */
  readonly beside: Beside;
}

/** Reads the keys of a map as flags on a command line, and checks each. */
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

/** So many keys can be read in a line. */
const FEW_KEYS = 12;

function insteadOf(name: string, known: readonly string[]): string {
  const meant = closestWord(name, known);
  if (meant !== undefined) return `did you mean ${meant}?`;
  return known.length <= FEW_KEYS ? `there are ${known.join(', ')}` : 'its keys are named as the flags are';
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

/** A scalar as it is written; undefined for anything else. */
export function textOf(node: unknown): string | undefined {
  if (!isScalar(node) || node.value === null) return undefined;
  return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
}

/** A list of words. */
export function textsOf(node: unknown, name: string, mistakes: Mistakes): string[] {
  const texts = isSeq(node) ? node.items.map(textOf) : [undefined];
  if (texts.length > 0 && texts.every((text) => text !== undefined)) return texts;
  mistakes.at(node, `${name} needs a list of words`);
  return [];
}

/** KEY: VALUE pairs as KEY=VALUE. */
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
