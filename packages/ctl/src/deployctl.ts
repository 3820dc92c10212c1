import { joinCommandLine } from '@deploy-tools/shared/cli/command-line.js';
import { parseFlags, splitSubcommand } from '@deploy-tools/shared/cli/flags.js';
import { commandUsage } from '@deploy-tools/shared/commands/command-help.js';
import type { CommandSpec } from '@deploy-tools/shared/commands/command-specs.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { programVersion } from '@deploy-tools/shared/version.js';
import { ADDVER_LOCAL } from './addver/addver-spec.js';
import type { ConnectionValues } from './client/connection-flags.js';
import { commandWords } from './command-words.js';
import { DEPLOYCTL_COMMANDS, DEPLOYCTL_FLAGS } from './deployctl-grammar.js';
import { explainUsage } from './explain-usage.js';
import type { ProgramIo } from './program-io.js';

/** The exit statuses of commands that deployctl passes on; see the registry's ExitStatus. */
const PASSED_ON: ReadonlySet<number> = new Set([0, 1, 3]);

/**
 * The body of deployctl.
 * @returns the exit status.
 * @throws DeployError except usage: usage errors are printed here.
 */
export async function deployctl(io: ProgramIo): Promise<number> {
  const [own, subcommand] = splitSubcommand(DEPLOYCTL_FLAGS, io.argv);
  const parsed = await explainUsage(io, deployctlUsage, () => parseFlags({ flags: DEPLOYCTL_FLAGS }, own));
  if (parsed === undefined) return 2;
  if (parsed.help) return print(io, await deployctlUsage());
  if (parsed.values.version) return print(io, `deployctl ${programVersion()}\n`);
  return runSubcommand(io, parsed.values, subcommand);
}

async function runSubcommand(
  io: ProgramIo,
  connection: ConnectionValues,
  [name, ...words]: readonly string[],
): Promise<number> {
  switch (name) {
    case 'completion':
      return (await import('./completion/print-completion.js')).printCompletion(io, words);
    case '__complete':
      return (await import('./completion/complete.js')).complete(io, words);
    case 'help':
      return help(io, words);
    default: {
      const spec = await explainUsage(io, deployctlUsage, () => findCommand(name));
      return spec === undefined ? 2 : runCommand(io, connection, spec, words);
    }
  }
}

async function runCommand(
  io: ProgramIo,
  connection: ConnectionValues,
  spec: CommandSpec,
  argv: readonly string[],
): Promise<number> {
  const usage = () => commandUsage(spec);
  const parsed = await explainUsage(io, usage, () => ({ words: commandWords(spec, argv) }));
  if (parsed === undefined) return 2;
  if (parsed.words === undefined) return print(io, usage());
  if (spec === ADDVER_LOCAL) {
    const { addver } = await import('./addver/addver.js');
    return addver(io, connection, parseFlags(ADDVER_LOCAL, argv));
  }
  const words = [...parsed.words, ...terminalWords(io, spec, parsed.words)];
  return proxy(io, connection, { command: joinCommandLine(words), changes: spec.changes });
}

/** Flags that ask the registry, which does not see our terminal, for colours (https://no-color.org) and for the progress of a wait. */
function terminalWords(io: ProgramIo, spec: CommandSpec, words: readonly string[]): string[] {
  if (io.stdout.isTTY !== true) return [];
  const isGiven = (flag: string) => words.some((word) => word.startsWith(`-${flag}=`));
  const mayAdd = (flag: string) => spec.flags.some(({ name }) => name === flag) && !isGiven(flag);
  return [
    ...(mayAdd('color') && !io.env.NO_COLOR ? ['-color=always'] : []),
    ...(mayAdd('progress') && isGiven('wait') ? ['-progress=always'] : []),
  ];
}

/**
 * Runs the command on the registry and prints its output as it arrives. A signal ends a command that changes nothing; a change
 * runs to its end, so that its outcome is known.
 */
async function proxy(
  io: ProgramIo,
  values: ConnectionValues,
  { command, changes }: { readonly command: string; readonly changes: boolean },
): Promise<number> {
  const { connectAsOperator } = await import('./client/open-connection.js');
  const connection = await connectAsOperator(values, io);
  if (!changes) io.signal.addEventListener('abort', () => connection.close());
  try {
    const status = await connection.exec(command, { stdout: io.stdout, stderr: io.stderr });
    return PASSED_ON.has(status) ? status : 1;
  } catch (error) {
    if (io.signal.aborted && !changes) return 1; // the operator interrupted it
    throw error;
  } finally {
    connection.close();
  }
}

async function help(io: ProgramIo, [name, ...rest]: readonly string[]): Promise<number> {
  if (name === undefined || name.startsWith('-')) return print(io, await deployctlUsage());
  const spec = await explainUsage(io, deployctlUsage, () => {
    if (rest[0] !== undefined) throw new DeployError('usage', `unexpected argument "${rest[0]}"`);
    return findCommand(name);
  });
  return spec === undefined ? 2 : print(io, commandUsage(spec));
}

async function findCommand(name: string | undefined): Promise<CommandSpec> {
  if (name === undefined) throw new DeployError('usage', 'no subcommand given');
  const spec = DEPLOYCTL_COMMANDS.find((candidate) => candidate.name === name);
  if (spec !== undefined) return spec;
  const suggested = await (await import('./command-table.js')).suggestedCommand(name);
  const hint = suggested === undefined ? {} : { hint: `did you mean ${suggested}?` };
  throw new DeployError('usage', `unknown subcommand "${name}"`, hint);
}

async function deployctlUsage(): Promise<string> {
  return (await import('./command-table.js')).deployctlUsage();
}

function print(io: ProgramIo, text: string): number {
  io.stdout.write(text);
  return 0;
}
