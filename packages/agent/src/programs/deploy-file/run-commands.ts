import { closeSync } from 'node:fs';
import { MAX_TIMER_MS } from '@deploy-tools/shared/duration.js';
import { runInGroup } from '../../process/script/run-in-group.js';
import type { OnLine } from '../../process/script/run-output.js';
import { cannotStart, scriptFailure } from '../../process/script/script-error.js';
import type { CommandList, DeployFile } from './deploy-file.js';
import type { DeployLog } from './deploy-log.js';

/** Characters of a command that messages show. */
const MAX_SHOWN = 120;

export interface CommandsRun {
  readonly manifest: Pick<DeployFile, 'commands' | 'asWritten' | 'commandTimeoutMs'>;
  readonly log: DeployLog;
  readonly environment: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/**
 * Runs the commands of one list with `sh -c` and logs their output. Stops at the first that fails.
 * @throws DeployError script.
 */
export async function runCommands(list: 'pre' | 'post', run: CommandsRun): Promise<void> {
  for (const command of commandsOf(list, run.manifest)) {
    await runCommand(command, run, { onLine: (_, line) => run.log.line(line) });
  }
}

/** Runs the commands at the end: each reads the whole log, and its output is not logged. @param print gets the output. */
export async function runLastCommands(
  list: 'success' | 'failure',
  run: CommandsRun,
  print: OnLine,
): Promise<void> {
  for (const command of commandsOf(list, run.manifest)) {
    const stdin = run.log.reader();
    try {
      await runCommand(command, run, { stdinFd: stdin, onLine: print });
    } finally {
      closeSync(stdin);
    }
  }
}

interface Command {
  readonly list: CommandList;
  /** With its variables filled in. */
  readonly text: string;
  /** For messages, without variables, which may hold secrets. */
  readonly shown: string;
}

function commandsOf(list: CommandList, { commands, asWritten }: CommandsRun['manifest']): Command[] {
  return commands[list].map((text, index) => {
    const written = asWritten?.[list][index];
    return { list, text, shown: written === undefined ? `number ${index + 1}` : `"${shorten(written)}"` };
  });
}

async function runCommand(
  { list, text, shown }: Command,
  { manifest, log, environment, signal }: CommandsRun,
  streams: { readonly stdinFd?: number; readonly onLine: OnLine },
): Promise<void> {
  log.line(`running the ${list} command ${shown}`);
  const name = `the ${list} command ${shown}`;
  const timeoutMs = manifest.commandTimeoutMs ?? MAX_TIMER_MS;
  const run = { program: 'sh', args: ['-c', text], environment, timeoutMs, signal, ...streams };
  const end = await runInGroup(run).catch((error: unknown) => {
    throw cannotStart({ name, flag: 'PATH' }, run, error);
  });
  const failure = scriptFailure(name, timeoutMs, end);
  if (failure !== undefined) throw failure;
}

function shorten(command: string): string {
  const line = command.trim().replace(/\s*\n\s*/g, '; ');
  return line.length <= MAX_SHOWN ? line : `${line.slice(0, MAX_SHOWN)}…`;
}
