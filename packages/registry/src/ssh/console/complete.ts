import { quoteWord } from '@deploy-tools/shared/cli/command-line.js';
import type { Completes, FlagSpec } from '@deploy-tools/shared/cli/flags.js';
import {
  COMMAND_SPECS,
  type CommandSpec,
  findCommandSpec,
} from '@deploy-tools/shared/commands/command-specs.js';
import type { Principal } from '../../core/principal.js';
import type { Registry } from '../../core/registry.js';
import { lineWords } from './line-words.js';

/**
 * What Tab offers at the end of a line: commands, then flags of the command, then names that exist.
 * @returns candidates that complete the last word, and that word as far as it is written.
 */
export async function complete(
  registry: Registry,
  principal: Principal,
  line: string,
): Promise<[string[], string]> {
  const written = lineWords(line);
  const { raw: word, value } = written.at(-1) ?? { raw: '', value: '' };
  const words = written.map((candidate) => candidate.value);
  const spec = findCommandSpec(words[0] ?? '');
  if (words.length === 1) {
    const names = COMMAND_SPECS.filter(({ role }) => role === principal.role).map(({ name }) => `${name} `);
    return [names.filter((name) => name.startsWith(word)), word];
  }
  if (spec === undefined) return [[], word];
  const assigned = /^--?([^=]+)=(.*)$/.exec(word);
  if (assigned !== null) {
    const [, name = '', partial = ''] = assigned;
    const meant = lineWords(partial).at(-1)?.value ?? '';
    return [await matching(registry, principal, spec, flagNamed(spec, name), words, meant), partial];
  }
  if (word.startsWith('-')) {
    const flags = spec.flags.map((flag) => `-${flag.name} `);
    return [flags.filter((flag) => flag.startsWith(word)), word];
  }
  return [await matching(registry, principal, spec, flagBefore(spec, words), words, value), word];
}

type Wanted = Pick<FlagSpec, 'name' | 'completes' | 'oneOf'> | undefined;

async function matching(
  registry: Registry,
  principal: Principal,
  spec: CommandSpec,
  flag: Wanted,
  words: readonly string[],
  partial: string,
): Promise<string[]> {
  if (flag?.oneOf !== undefined) {
    return flag.oneOf.filter((word) => word.startsWith(partial)).map((word) => `${word} `);
  }
  if (flag?.completes === undefined) return [];
  const names = await namesFor(registry, principal, flag.completes, spec, words, partial);
  return names
    .filter((name) => name.startsWith(partial))
    .map((name) =>
      flag.completes === 'layer' && !name.includes(':') ? `${escaped(name)}:` : `${quoteWord(name)} `,
    );
}

/** The beginning of a word that is still being written: a closing quote would end it. */
function escaped(name: string): string {
  return name.replace(/[\s"'\\]/g, '\\$&');
}

async function namesFor(
  registry: Registry,
  principal: Principal,
  kind: Completes,
  spec: CommandSpec,
  words: readonly string[],
  partial: string,
): Promise<readonly string[]> {
  if (kind === 'host') return registry.fleet.hostNames();
  return registry.meta.read(async (tx) => {
    switch (kind) {
      case 'component':
        return tx.components();
      case 'configuration':
        return tx.configurations();
      case 'version': {
        const component = givenValue(
          words,
          spec.flags.some(({ name }) => name === 'component') ? 'component' : 'name',
        );
        return component === undefined ? [] : (await tx.versions(component)).map(({ version }) => version);
      }
      case 'layer': {
        const colon = partial.indexOf(':');
        if (colon < 0) return tx.components();
        const component = partial.slice(0, colon);
        return (await tx.versions(component)).map(({ version }) => `${component}:${version}`);
      }
      case 'upload':
        return (await tx.uploads(principal.fingerprint)).map(({ hash }) => hash);
      case 'file':
      case 'directory':
        return [];
    }
  });
}

function flagNamed(spec: CommandSpec, name: string): Wanted {
  return spec.flags.find((flag) => flag.name === name);
}

/** The flag whose value the last word is: the one written before it, or the one its position stands for. */
function flagBefore(spec: CommandSpec, words: readonly string[]): Wanted {
  const previous = /^--?([^=]+)$/.exec(words.at(-2) ?? '')?.[1];
  const flag = previous === undefined ? undefined : flagNamed(spec, previous);
  if (flag !== undefined && spec.flags.some(({ name, type }) => name === flag.name && type !== 'bool'))
    return flag;
  const before = positionalsBefore(spec, words.slice(1, -1));
  const positional = spec.positionals[before] ?? spec.positionals.findLast(({ rest }) => rest === true);
  if (positional === undefined) return undefined;
  return positional.flags.length === 2
    ? { name: 'layer', completes: 'layer' }
    : flagNamed(spec, positional.flags[0]);
}

function positionalsBefore(spec: CommandSpec, words: readonly string[]): number {
  let count = 0;
  for (let at = 0; at < words.length; at += 1) {
    const name = /^--?([^=]+)(=)?/.exec(words[at] ?? '');
    if (name === null) count += words[at] === '' ? 0 : 1;
    else if (
      name[2] === undefined &&
      spec.flags.some((flag) => flag.name === name[1] && flag.type !== 'bool')
    )
      at += 1;
  }
  return count;
}

function givenValue(words: readonly string[], flag: string): string | undefined {
  for (const [index, word] of words.entries()) {
    if (word === `-${flag}` || word === `--${flag}`) return words[index + 1];
    const assigned = /^--?([^=]+)=(.*)$/.exec(word);
    if (assigned?.[1] === flag) return assigned[2];
  }
  return undefined;
}
