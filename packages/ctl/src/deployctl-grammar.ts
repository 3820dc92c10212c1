import { COMMAND_SPECS, type CommandSpec } from '@deploy-tools/shared/commands/command-specs.js';
import { ADDVER_LOCAL } from './addver/addver-spec.js';
import { CONNECTION_FLAGS } from './client/connection-flags.js';

/** The flags before the subcommand. */
export const DEPLOYCTL_FLAGS = [
  ...CONNECTION_FLAGS,
  { name: 'version', type: 'bool', help: 'print the version of deployctl and exit' },
] as const;

/** The commands that deployctl takes: those of the registry, addver in its own form. */
export const DEPLOYCTL_COMMANDS: readonly CommandSpec[] = COMMAND_SPECS.map((spec) =>
  spec.name === ADDVER_LOCAL.name ? ADDVER_LOCAL : spec,
);
