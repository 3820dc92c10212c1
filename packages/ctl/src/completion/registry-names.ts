import { joinCommandLine } from '@deploy-tools/shared/cli/command-line.js';
import type { Completion } from '@deploy-tools/shared/cli/complete-arguments.js';

/** Runs a command on the registry; its output's lines, none when it fails. */
export type NameSource = (command: string) => Promise<readonly string[]>;

/** The names that fit, from the registry; but for hosts, commands and columns are those of the Go registry too. */
export async function registryNames(wanted: Completion, ask: NameSource): Promise<readonly string[]> {
  switch (wanted.kind) {
    case 'component':
      return ask('components');
    case 'configuration':
      return ask('configurations');
    case 'host':
      return ask('agents -names');
    case 'version':
      return wanted.component === undefined ? [] : versions(wanted.component, ask);
    case 'layer':
      return wanted.component === undefined
        ? (await ask('components')).map((name) => `${name}:`)
        : versions(wanted.component, ask);
    default:
      return [];
  }
}

/** `showcomp` prints `time   version`, padded with spaces; a version may itself hold single spaces. */
async function versions(component: string, ask: NameSource): Promise<readonly string[]> {
  const lines = await ask(joinCommandLine(['showcomp', `-name=${component}`]));
  return lines.map((line) => line.replace(/^\S+\s+/, '').trimEnd());
}
