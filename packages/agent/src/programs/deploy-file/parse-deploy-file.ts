import { isAbsolute, normalize } from 'node:path';
import { MAX_TIMER_MS, parseDuration } from '@deploy-tools/shared/duration.js';
import { DeployError, describeError } from '@deploy-tools/shared/errors.js';
import { isMap, isScalar, isSeq, LineCounter } from 'yaml';
import { SYNC_STRATEGIES } from '../../place/sync/sync-request.js';
import { flagsOf, Mistakes, readYaml, textOf } from '../configured/yaml-keys.js';
import {
  type Checksum,
  COMMAND_LISTS,
  type DeployFile,
  type DeployFileArchive,
  type DeployFileCommands,
} from './deploy-file.js';

const DEFAULT_MODE = 0o755;
const NO_COMMANDS: DeployFileCommands = { pre: [], post: [], success: [], failure: [] };

/**
 * Reads a manifest with its variables filled in.
 * @param label for messages.
 * @throws DeployError invalid, naming every mistake with line and column.
 */
export function parseDeployFile(text: string, label: string): DeployFile {
  const { value, mistakes } = readYaml(text, manifestOf);
  if (value !== undefined) return value;
  throw new DeployError('invalid', `${label}: ${mistakes.list.join('; ')}`, {
    hint: 'see docs/manifest-deployments.md',
  });
}

/** Reads the commands alone; undefined where they have mistakes. */
export function readCommands(root: unknown): DeployFileCommands | undefined {
  const mistakes = new Mistakes(new LineCounter());
  const node = isMap(root) ? root.get('commands', true) : undefined;
  if (node === undefined || isEmpty(node, root)) return NO_COMMANDS;
  const commands = commandsOf(node, mistakes);
  return mistakes.list.length === 0 ? commands : undefined;
}

/** Readers of the values of keys. */
type Readers = Readonly<Record<string, (node: unknown, name: string) => void>>;

function manifestOf(root: unknown, mistakes: Mistakes): DeployFile {
  const texts: Partial<Record<TextKey, { readonly text: string; readonly node: unknown }>> = {};
  let excludes: readonly string[] = [];
  let commands = NO_COMMANDS;
  const takeText = (node: unknown, name: string): void => {
    const text = textOf(node);
    if (text === undefined) mistakes.at(node, `${name} needs one value`);
    else if (text !== '') texts[name as TextKey] = { text, node };
  };
  const readers: Readers = {
    ...Object.fromEntries(TEXT_KEYS.map((key) => [key, takeText])),
    excludes: (node, name) => {
      excludes = listOf(node, name, mistakes);
    },
    commands: (node) => {
      commands = commandsOf(node, mistakes);
    },
  };
  readKeys(root, readers, mistakes);
  const value = <T>(key: TextKey, read: (text: string) => T): T | undefined => {
    const given = texts[key];
    if (given === undefined) return undefined;
    try {
      return read(given.text);
    } catch (error) {
      mistakes.at(given.node, `${key}: ${describeError(error)}`);
      return undefined;
    }
  };
  const commandTimeoutMs = value('timeout', timeoutOf);
  const src = value('src', String);
  if (src === undefined) return { archive: undefined, commands, commandTimeoutMs };
  const archive: DeployFileArchive = {
    src,
    excludes,
    checksum: value('checksum', parseChecksum),
    signature: value('signature', String),
    dest: value('dest', destinationOf) ?? '',
    destMode: value('dest_mode', modeOf) ?? DEFAULT_MODE,
    excludeFrom: value('exclude_from', insideOf),
    strategy: value('sync_strategy', strategyOf) ?? 'rsync',
  };
  if (texts.dest === undefined) mistakes.at(root, 'src needs dest');
  if (texts.checksum === undefined && texts.signature === undefined)
    mistakes.at(root, 'src needs checksum, or signature');
  return { archive, commands, commandTimeoutMs };
}

const TEXT_KEYS = [
  'src',
  'checksum',
  'signature',
  'dest',
  'dest_mode',
  'exclude_from',
  'sync_strategy',
  'timeout',
] as const;

type TextKey = (typeof TEXT_KEYS)[number];

/** Reads the keys of a map; ignores a key without a value. */
function readKeys(node: unknown, readers: Readers, mistakes: Mistakes): void {
  const beside = Object.entries(readers).map(([name, read]) => {
    const take = (value: unknown): void => {
      if (!isEmpty(value, node)) read(value, name);
    };
    return [name, take] as const;
  });
  flagsOf(node, { keys: [], beside: Object.fromEntries(beside) }, mistakes);
}

/** @param value the key itself where there is no value at all, as flagsOf gives it. */
function isEmpty(value: unknown, map: unknown): boolean {
  if (isScalar(value) && value.value === null) return true;
  return isMap(map) && map.items.some(({ key, value: own }) => key === value && own === null);
}

function commandsOf(node: unknown, mistakes: Mistakes): DeployFileCommands {
  const lists: Record<string, readonly string[]> = {};
  const take = (value: unknown, name: string): void => {
    lists[name] = listOf(value, `commands.${name}`, mistakes);
  };
  readKeys(node, Object.fromEntries(COMMAND_LISTS.map((name) => [name, take])), mistakes);
  const { pre = [], post = [], success = [], failure = [] } = lists;
  return { pre, post, success, failure };
}

/** Reads a list of texts, or a single text as a list. */
function listOf(node: unknown, name: string, mistakes: Mistakes): string[] {
  const nodes: readonly unknown[] = isSeq(node) ? node.items : [node];
  return nodes.flatMap((item) => {
    const text = textOf(item);
    if (text !== undefined) return [text];
    mistakes.at(item ?? node, `${name} needs a list of texts`);
    return [];
  });
}

function destinationOf(text: string): string {
  if (!isAbsolute(text)) throw new DeployError('invalid', `"${text}" is no absolute path`);
  const dest = normalize(text).replace(/(?<=.)\/+$/, '');
  if (dest !== '/') return dest;
  throw new DeployError('invalid', 'the root directory is no destination');
}

/** Octal, with or without its 0 in front. */
function modeOf(text: string): number {
  if (/^(0o?)?[0-7]{3,4}$/.test(text)) return Number.parseInt(text.replace('o', ''), 8);
  throw new DeployError('invalid', `"${text}" is no mode`, { hint: 'write it as 0755' });
}

function insideOf(text: string): string {
  const path = normalize(text);
  if (!isAbsolute(path) && path !== '..' && !path.startsWith('../')) return path;
  throw new DeployError('invalid', `"${text}" is no file inside the archive`);
}

function strategyOf(text: string): DeployFileArchive['strategy'] {
  const strategy = SYNC_STRATEGIES.find((known) => known === text);
  if (strategy !== undefined) return strategy;
  throw new DeployError('invalid', `there is no "${text}"`, { hint: `use ${SYNC_STRATEGIES.join(', ')}` });
}

function timeoutOf(text: string): number {
  const ms = parseSeconds(text);
  if (ms > 0 && ms <= MAX_TIMER_MS) return ms;
  throw new DeployError('invalid', `"${text}" is no time to wait`, {
    hint: 'give more than 0, and less than 24 days',
  });
}

/** Reads a duration; a bare number counts seconds, as for stretcher. @returns milliseconds. @throws DeployError usage. */
export function parseSeconds(text: string): number {
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : parseDuration(text);
}

const ALGORITHMS: Readonly<Record<number, Checksum['algorithm']>> = {
  32: 'md5',
  40: 'sha1',
  64: 'sha256',
  128: 'sha512',
};

/** Parses a checksum, whose length tells its algorithm. @throws DeployError invalid. */
export function parseChecksum(text: string): Checksum {
  const algorithm = ALGORITHMS[text.length];
  if (algorithm === undefined || !/^[0-9a-f]*$/i.test(text)) {
    throw new DeployError('invalid', `"${text}" is no checksum`, {
      hint: 'give md5, sha1, sha256 or sha512 in hex, best sha256',
    });
  }
  return { algorithm, hex: text.toLowerCase(), isWeak: algorithm === 'md5' || algorithm === 'sha1' };
}
