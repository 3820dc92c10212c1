import { flagUsage, positionalUsage } from '../cli/usage.js';
import { COMMAND_SPECS, type CommandSpec } from './command-specs.js';

/** The output of `help`: a line for each command, in the format of the Go registry. */
export function commandList(specs: readonly CommandSpec[] = COMMAND_SPECS): string {
  const width = Math.max(...specs.map((spec) => spec.name.length)) + 2;
  const lines = specs.map((spec) => `${spec.name.padEnd(width)}${spec.summary}\n`);
  return `${lines.join('')}\nuse -h flag to get more help on a specific command\n`;
}

/** The output of `COMMAND -h`: first in the layout of the Go registry, then the form without flags and examples. */
export function commandUsage(spec: CommandSpec): string {
  const form = positionalUsage(spec.name, spec.positionals);
  return [
    `Usage of ${spec.name}:\n`,
    flagUsage(spec.flags),
    form === undefined ? '' : `or: ${form}\n`,
    `\n${spec.summary}\n`,
    `examples:\n${spec.examples.map((example) => `  ${example}\n`).join('')}`,
  ].join('');
}
