import { commandList, commandUsage } from '@deploy-tools/shared/commands/command-help.js';
import { COMMAND_SPECS, findCommandSpec, HELP } from '@deploy-tools/shared/commands/command-specs.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import * as agents from './agents.js';
import * as audit from './audit.js';
import { type Command, command } from './command.js';
import * as components from './component-commands.js';
import * as configurations from './configuration-commands.js';
import * as diff from './diff.js';
import * as history from './history.js';
import * as housekeeping from './housekeeping-commands.js';
import * as logs from './logs.js';
import * as notify from './notify.js';
import * as orders from './order-commands.js';
import * as status from './status.js';
import * as tracks from './track-commands.js';
import * as watch from './watch.js';

const help = command(HELP, [], async (_context, args) => {
  if (args.command === undefined) return { value: COMMAND_SPECS, text: commandList() };
  const spec = findCommandSpec(args.command);
  if (spec === undefined) throw new DeployError('usage', `unknown command "${args.command}"`);
  return { value: spec, text: commandUsage(spec) };
});

/** Modules whose exports are commands, all of them. */
const MODULES: readonly Readonly<Record<string, Command>>[] = [
  ...[agents, audit, components, configurations, diff, history, housekeeping],
  ...[logs, notify, orders, status, tracks, watch],
];

const COMMANDS = new Map(
  [help, ...MODULES.flatMap((module) => Object.values(module))].map((found) => [found.spec.name, found]),
);

/** The command of that name, or undefined. */
export function findCommand(name: string): Command | undefined {
  return COMMANDS.get(name);
}
