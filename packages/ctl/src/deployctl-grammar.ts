import { COMMAND_SPECS, type CommandSpec } from '@deploy-tools/shared/commands/command-specs.js';
import { ADDVER_LOCAL } from './addver/addver-spec.js';
import { CONNECTION_FLAGS } from './client/connection-flags.js';

/** The flags of deployctl itself, before the subcommand. */
export const DEPLOYCTL_FLAGS = [
  ...CONNECTION_FLAGS,
  { name: 'version', type: 'bool', help: 'print the version of deployctl and exit' },
] as const;

/** The commands of deployctl: those of the registry, with its own `addver`. */
export const DEPLOYCTL_COMMANDS: readonly CommandSpec[] = COMMAND_SPECS.map((spec) =>
  spec.name === ADDVER_LOCAL.name ? ADDVER_LOCAL : spec,
);
