import { quoteWord } from '@deploy-tools/shared/cli/command-line.js';
import type { Completes, FlagSpec } from '@deploy-tools/shared/cli/flags.js';
import {
  COMMAND_SPECS,
  type CommandSpec,
  findCommandSpec,
} from '@deploy-tools/shared/commands/command-specs.js';
import type { Principal } from '../../core/principal.js';
import type { ConsolePorts } from '../session-context.js';
import { lineWords } from './line-words.js';

/**
 * What Tab offers at the end of a line: commands, then flags of the command, then names that exist.
 * @returns candidates that complete the last word, and that word as far as it is written.
 */
export async function complete(
  ports: ConsolePorts,
  principal: Principal,
  line: string,
): Promise<[string[], string]> {
  const written = lineWords(line);
  const { raw: word, value } = written.at(-1) ?? { raw: '', value: '' };
  const words = written.map((candidate) => candidate.value);
  if (words.length === 1) {
    const names = COMMAND_SPECS.filter(({ role }) => role === principal.role).map(({ name }) => `${name} `);
    return [names.filter((name) => name.startsWith(word)), word];
  }
  const spec = findCommandSpec(words[0] ?? '');
  if (spec === undefined) return [[], word];
  const names = new NameSource(ports, principal, { spec, words });
  const assigned = /^--?([^=]+)=(.*)$/.exec(word);
  if (assigned !== null) {
    const [, flag = '', partial = ''] = assigned;
    const typed = lineWords(partial).at(-1)?.value ?? '';
    return [await names.matching(findFlag(spec, flag), typed), partial];
  }
  if (word.startsWith('-')) {
    const flags = spec.flags.map((flag) => `-${flag.name} `);
    return [flags.filter((flag) => flag.startsWith(word)), word];
  }
  return [await names.matching(flagOfLastWord(spec, words), value), word];
}

/** A command line that is being written. */
interface UnfinishedLine {
  readonly spec: CommandSpec;
  readonly words: readonly string[];
}

type CompletedFlag = Pick<FlagSpec, 'name' | 'completes' | 'oneOf'> | undefined;

/** The names that one flag of a line can have as its value. */
class NameSource {
  readonly #ports: ConsolePorts;
  readonly #principal: Principal;
  readonly #line: UnfinishedLine;

  constructor(ports: ConsolePorts, principal: Principal, line: UnfinishedLine) {
    this.#ports = ports;
    this.#principal = principal;
    this.#line = line;
  }

  /** Quoted, with a space behind a whole word. */
  async matching(flag: CompletedFlag, partial: string): Promise<string[]> {
    if (flag?.oneOf !== undefined) {
      return flag.oneOf.filter((word) => word.startsWith(partial)).map((word) => `${word} `);
    }
    if (flag?.completes === undefined) return [];
    const names = await this.#names(flag.completes, partial);
    return names
      .filter((name) => name.startsWith(partial))
      .map((name) =>
        flag.completes === 'layer' && !name.includes(':') ? `${escaped(name)}:` : `${quoteWord(name)} `,
      );
  }

  async #names(kind: Completes, partial: string): Promise<readonly string[]> {
    const { meta, fleet } = this.#ports;
    if (kind === 'host') return fleet.hostNames();
    return meta.read(async (tx) => {
      const versionsOf = async (component: string) =>
        (await tx.versions(component)).map(({ version }) => version);
      switch (kind) {
        case 'component':
          return tx.components();
        case 'configuration':
          return tx.configurations();
        case 'version': {
          const component = this.#component();
          return component === undefined ? [] : versionsOf(component);
        }
        case 'layer': {
          const colon = partial.indexOf(':');
          if (colon < 0) return tx.components();
          const component = partial.slice(0, colon);
          return (await versionsOf(component)).map((version) => `${component}:${version}`);
        }
        case 'upload':
          return (await tx.uploads(this.#principal.fingerprint)).map(({ hash }) => hash);
        case 'file':
        case 'directory':
          return [];
      }
    });
  }

  /** The component that the line names by a flag. */
  #component(): string | undefined {
    const { spec, words } = this.#line;
    const flag = spec.flags.some(({ name }) => name === 'component') ? 'component' : 'name';
    for (const [index, word] of words.entries()) {
      if (word === `-${flag}` || word === `--${flag}`) return words[index + 1];
      const assigned = /^--?([^=]+)=(.*)$/.exec(word);
      if (assigned?.[1] === flag) return assigned[2];
    }
    return undefined;
  }
}

/** The beginning of a word that is still being written: a closing quote would end it. */
function escaped(name: string): string {
  return name.replace(/[\s"'\\]/g, '\\$&');
}

function findFlag(spec: CommandSpec, name: string): FlagSpec | undefined {
  return spec.flags.find((flag) => flag.name === name);
}

/** The flag whose value the last word is: the one written before it, or the one its position stands for. */
function flagOfLastWord(spec: CommandSpec, words: readonly string[]): CompletedFlag {
  const previous = /^--?([^=]+)$/.exec(words.at(-2) ?? '')?.[1];
  const flag = previous === undefined ? undefined : findFlag(spec, previous);
  if (flag !== undefined && flag.type !== 'bool') return flag;
  const before = positionalsBefore(spec, words.slice(1, -1));
  const positional = spec.positionals[before] ?? spec.positionals.findLast(({ rest }) => rest === true);
  if (positional === undefined) return undefined;
  return positional.flags.length === 2
    ? { name: 'layer', completes: 'layer' }
    : findFlag(spec, positional.flags[0]);
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
