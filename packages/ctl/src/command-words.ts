import type { FlagSpec, FlagValue } from '@deploy-tools/shared/cli/flags.js';
import { parseFlags } from '@deploy-tools/shared/cli/flags.js';
import { checkArguments } from '@deploy-tools/shared/commands/check-arguments.js';
import type { CommandSpec } from '@deploy-tools/shared/commands/command-specs.js';
import { formatDuration } from '@deploy-tools/shared/duration.js';

/**
 * Checks a command's words as far as that needs no registry. Returns them in the form `name -flag=value …`, which the Go registry
 * understands too.
 * @returns undefined when the words ask for help.
 * @throws DeployError usage.
 */
export function commandWords(spec: CommandSpec, argv: readonly string[]): string[] | undefined {
  const { values, help, given } = parseFlags(spec, argv);
  if (help) return undefined;
  checkArguments(spec, values);
  return [
    spec.name,
    ...spec.flags.filter((flag) => given.has(flag.name)).flatMap((flag) => asWords(flag, values[flag.name])),
  ];
}

function asWords(flag: FlagSpec, value: FlagValue): string[] {
  if (typeof value === 'object') return value.map((item) => `-${flag.name}=${item}`);
  const text = flag.type === 'duration' ? formatDuration(Number(value)) : String(value);
  return [`-${flag.name}=${text}`];
}
