import { quoteWord, typedWords } from '@deploy-tools/shared/cli/command-line.js';
import {
  completeArguments,
  type NameSource,
  offeredWords,
} from '@deploy-tools/shared/cli/complete-arguments.js';
import { COMMAND_SPECS, findCommandSpec } from '@deploy-tools/shared/commands/command-specs.js';
import type { Principal } from '../../core/principal.js';
import type { ConsolePorts } from '../session-context.js';

/**
 * Completes the last word of a line on Tab: to a command, a flag of the command, or a name that exists.
 * @returns the candidates, and the typed part of the word that they replace.
 */
export async function complete(
  ports: ConsolePorts,
  principal: Principal,
  line: string,
): Promise<[string[], string]> {
  const typed = typedWords(line);
  const { raw, value } = typed.at(-1) ?? { raw: '', value: '' };
  const [name = '', ...before] = typed.slice(0, -1).map((word) => word.value);
  if (typed.length === 1) {
    const names = COMMAND_SPECS.filter(({ role }) => role === principal.role).map((spec) => `${spec.name} `);
    return [names.filter((candidate) => candidate.startsWith(raw)), raw];
  }
  const spec = findCommandSpec(name);
  const completion = spec && completeArguments(spec, before, value);
  // `-name=` stays as it is; the value after it is completed and quoted by itself.
  const flag = /^--?[^=]+=/.exec(raw)?.[0] ?? '';
  if (completion === undefined) return [[], raw.slice(flag.length)];
  const candidates = await offeredWords(completion, namesOf(ports, principal));
  return [candidates.map((candidate) => quoted(candidate.slice(flag.length))), raw.slice(flag.length)];
}

/** A component is followed by its version: a closing quote would end the word. */
function quoted(name: string): string {
  return name.endsWith(':') ? name.replace(/[\s"'\\]/g, '\\$&') : `${quoteWord(name)} `;
}

function namesOf({ meta, fleet }: ConsolePorts, { fingerprint }: Principal): NameSource {
  return {
    components: () => meta.read((tx) => tx.components()),
    configurations: () => meta.read((tx) => tx.configurations()),
    hosts: async () => fleet.hostNames(),
    uploads: async () => (await meta.read((tx) => tx.uploads(fingerprint))).map(({ hash }) => hash),
    versions: async (component) =>
      (await meta.read((tx) => tx.versions(component))).map(({ version }) => version),
  };
}
