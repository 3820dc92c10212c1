import { quoteWord } from '@deploy-tools/shared/cli/command-line.js';
import { type Completion, completeArguments } from '@deploy-tools/shared/cli/complete-arguments.js';
import { COMMAND_SPECS, findCommandSpec } from '@deploy-tools/shared/commands/command-specs.js';
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
  const { raw, value } = written.at(-1) ?? { raw: '', value: '' };
  const [name = '', ...before] = written.slice(0, -1).map((word) => word.value);
  if (written.length === 1) {
    const names = COMMAND_SPECS.filter(({ role }) => role === principal.role).map((spec) => `${spec.name} `);
    return [names.filter((candidate) => candidate.startsWith(raw)), raw];
  }
  const spec = findCommandSpec(name);
  const completion = spec && completeArguments(spec, before, value);
  // `-name=` stays as it is; what follows is completed, and quoted for itself.
  const flag = /^--?[^=]+=/.exec(raw)?.[0] ?? '';
  if (completion === undefined) return [[], raw.slice(flag.length)];
  const names = await namesFor(ports, principal, completion);
  const candidates = names
    .map((candidate) => completion.prefix + candidate)
    .filter((candidate) => candidate.startsWith(value))
    .map((candidate) => typed(candidate.slice(flag.length)));
  return [candidates, raw.slice(flag.length)];
}

/** A component is followed by its version; a closing quote would end the word. */
function typed(name: string): string {
  return name.endsWith(':') ? name.replace(/[\s"'\\]/g, '\\$&') : `${quoteWord(name)} `;
}

async function namesFor(
  ports: ConsolePorts,
  principal: Principal,
  completion: Completion,
): Promise<readonly string[]> {
  const { meta, fleet } = ports;
  switch (completion.kind) {
    case 'words':
      return completion.words;
    case 'file':
    case 'directory':
      return [];
    case 'host':
      return fleet.hostNames();
    case 'component':
      return meta.read((tx) => tx.components());
    case 'configuration':
      return meta.read((tx) => tx.configurations());
    case 'upload':
      return (await meta.read((tx) => tx.uploads(principal.fingerprint))).map(({ hash }) => hash);
    case 'layer':
    case 'version': {
      const { kind, component } = completion;
      if (component !== undefined)
        return (await meta.read((tx) => tx.versions(component))).map(({ version }) => version);
      return kind === 'version' ? [] : (await meta.read((tx) => tx.components())).map((name) => `${name}:`);
    }
  }
}
