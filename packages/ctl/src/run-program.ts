import { homedir, userInfo } from 'node:os';
import { endOnLostOutput } from '@deploy-tools/shared/cli/output-errors.js';
import { describeError, exitCodeOf } from '@deploy-tools/shared/errors.js';
import type { ProgramIo } from './program-io.js';

/** The work of a program: returns the exit status, or throws a DeployError. */
export type ProgramBody = (io: ProgramIo) => Promise<number>;

const SIGNAL_NUMBERS = { SIGINT: 2, SIGTERM: 15 } as const;

/**
 * Runs a program's body and sets the exit status: the returned one, the one of the thrown error, or 128 plus the number of the
 * signal that ended it. Errors are one line on stderr, never a stack trace.
 */
export async function runProgram(name: string, body: ProgramBody): Promise<void> {
  const controller = new AbortController();
  let ended: keyof typeof SIGNAL_NUMBERS | undefined;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (ended !== undefined) process.exit(128 + SIGNAL_NUMBERS[signal]);
      ended = signal;
      controller.abort();
    });
  }
  endOnLostOutput(name);
  process.exitCode = await exitStatus(name, body, processIo(controller.signal));
  if (ended !== undefined) process.exitCode = 128 + SIGNAL_NUMBERS[ended];
}

/** Runs a program's body; prints the error that it throws on stderr. */
export async function exitStatus(name: string, body: ProgramBody, io: ProgramIo): Promise<number> {
  try {
    return await body(io);
  } catch (error) {
    io.stderr.write(`${name}: ${describeError(error)}\n`);
    return exitCodeOf(error);
  }
}

function processIo(signal: AbortSignal): ProgramIo {
  return {
    argv: process.argv.slice(2),
    env: process.env,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    home: homedir(),
    loginName: loginName(),
    signal,
  };
}

/** Empty when the account has no entry in the password database, as in some containers. */
function loginName(): string {
  try {
    return userInfo().username;
  } catch {
    return '';
  }
}
