import { closeSync } from 'node:fs';
import { runInGroup } from '../script/run-in-group.js';
import type { OnLine } from '../script/run-output.js';
import { cannotStart, scriptFailure } from '../script/script-error.js';
import type { DeployLog } from './deploy-log.js';
import type { CommandList, Manifest } from './manifest.js';

/** As long as timers of Node.js can take. */
const FOREVER_MS = 2 ** 31 - 1;
/** Characters of a command that messages show. */
const SHOWN = 120;

export interface CommandsRun {
  readonly manifest: Pick<Manifest, 'commands' | 'commandTimeoutMs'>;
  readonly log: DeployLog;
  readonly environment: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/**
 * Runs the commands of one list, each by `sh -c`; what they print is in the log. The first that fails is the last.
 * @throws DeployError script.
 */
export async function runCommands(list: 'pre' | 'post', run: CommandsRun): Promise<void> {
  for (const command of run.manifest.commands[list]) {
    await runCommand(list, command, run, undefined, (_, line) => run.log.line(line));
  }
}

/** Runs the commands at the end: each reads the whole log, and what it prints is passed on, not logged. */
export async function runLastCommands(
  list: 'success' | 'failure',
  run: CommandsRun,
  print: OnLine,
): Promise<void> {
  for (const command of run.manifest.commands[list]) {
    const stdin = run.log.reader();
    try {
      await runCommand(list, command, run, stdin, print);
    } finally {
      closeSync(stdin);
    }
  }
}

async function runCommand(
  list: CommandList,
  command: string,
  { manifest, log, environment, signal }: CommandsRun,
  stdinFd: number | undefined,
  onLine: OnLine,
): Promise<void> {
  log.line(`running ${list}: ${shown(command)}`);
  const name = `the ${list} command "${shown(command)}"`;
  const timeoutMs = manifest.commandTimeoutMs ?? FOREVER_MS;
  const run = { program: 'sh', args: ['-c', command], environment, timeoutMs, signal, onLine };
  const end = await runInGroup(stdinFd === undefined ? run : { ...run, stdinFd }).catch((error: unknown) => {
    throw cannotStart(name, 'PATH', run, error);
  });
  const failure = scriptFailure(name, timeoutMs, end);
  if (failure !== undefined) throw failure;
}

function shown(command: string): string {
  const line = command.trim().replace(/\s*\n\s*/g, '; ');
  return line.length <= SHOWN ? line : `${line.slice(0, SHOWN)}…`;
}
