import { flagUsage } from '@deploy-tools/shared/cli/usage.js';
import { COMMAND_SPECS, type CommandSpec } from '@deploy-tools/shared/commands/command-specs.js';
import { ADDVER_LOCAL } from './addver/addver-spec.js';
import { DEPLOYCTL_FLAGS } from './deployctl-flags.js';

const LOCAL_SUBCOMMANDS = [['completion', 'print the completion script for bash, zsh or fish']] as const;

/** The commands that deployctl takes: those of the registry, addver in its own form. */
export const DEPLOYCTL_COMMANDS: readonly CommandSpec[] = COMMAND_SPECS.map((spec) =>
  spec.name === ADDVER_LOCAL.name ? ADDVER_LOCAL : spec,
);

/** What `deployctl -h` prints. */
export function deployctlUsage(): string {
  const rows: (readonly [string, string])[] = [
    ...DEPLOYCTL_COMMANDS.map((spec) => [spec.name, spec.summary] as const),
    ...LOCAL_SUBCOMMANDS,
  ];
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  return [
    'Usage: deployctl [flags] SUBCOMMAND [flags of the subcommand]\n\n',
    flagUsage(DEPLOYCTL_FLAGS),
    '\nsubcommands:\n',
    ...rows.map(([name, summary]) => `  ${name.padEnd(width)}${summary}\n`),
    '\nuse -h flag after a subcommand to get more help on it\n',
    'exit status: 0 done, 1 failed, 2 wrong usage, 3 time is up (status -wait), 4 cannot connect or authenticate\n',
  ].join('');
}
