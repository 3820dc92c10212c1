import { commandList, commandUsage } from '@deploy-tools/shared/commands/command-help.js';
import { COMMAND_SPECS, findCommandSpec, HELP } from '@deploy-tools/shared/commands/command-specs.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { agents } from './agents.js';
import { audit } from './audit.js';
import { type Command, command } from './command.js';
import { addver, components, delcomp, delver, showcomp } from './component-commands.js';
import {
  addconf,
  bumpconf,
  changeconf,
  configurations,
  delconf,
  replaceconf,
  rollback,
  showconf,
} from './configuration-commands.js';
import { diff } from './diff.js';
import { history } from './history.js';
import { fsck, gc } from './housekeeping-commands.js';
import { logs } from './logs.js';
import { notify } from './notify.js';
import { cancel, forget, retry } from './order-commands.js';
import { status } from './status.js';
import { addtrack, check, deltrack, tracks, yank } from './track-commands.js';
import { watch } from './watch.js';

const help = command(HELP, [], async (_context, args) => {
  if (args.command === undefined) return { value: COMMAND_SPECS, text: commandList() };
  const spec = findCommandSpec(args.command);
  if (spec === undefined) throw new DeployError('usage', `unknown command "${args.command}"`);
  return { value: spec, text: commandUsage(spec) };
});

const COMMANDS: readonly Command[] = [
  addver,
  addconf,
  replaceconf,
  rollback,
  history,
  diff,
  status,
  agents,
  logs,
  retry,
  cancel,
  forget,
  changeconf,
  bumpconf,
  showconf,
  showcomp,
  components,
  configurations,
  delver,
  delcomp,
  delconf,
  addtrack,
  tracks,
  check,
  deltrack,
  yank,
  gc,
  fsck,
  audit,
  notify,
  watch,
  help,
];

/** The command of that name, or undefined. */
export function findCommand(name: string): Command | undefined {
  return COMMANDS.find(({ spec }) => spec.name === name);
}
