import { commandList, commandUsage } from '@deploy-tools/shared/commands/command-help.js';
import { COMMAND_SPECS, findCommandSpec, HELP } from '@deploy-tools/shared/commands/command-specs.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { command } from './command.js';

export const help = command(HELP, async (_context, args) => {
  if (args.command === undefined) return { value: COMMAND_SPECS, text: commandList() };
  const spec = findCommandSpec(args.command);
  if (spec === undefined) throw new DeployError('usage', `unknown command "${args.command}"`);
  return { value: spec, text: commandUsage(spec) };
});
