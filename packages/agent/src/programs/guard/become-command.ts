import { spawn } from 'node:child_process';
import { DeployError, describeError, isMissing } from '@deploy-tools/shared/errors.js';
import type { Launch } from '../../process/supervise/start-child.js';

const PASSED_ON = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH', 'SIGCONT'] as const;
/** Signals that a terminal sends to the whole group, the program included. */
const FROM_TERMINALS = ['SIGINT', 'SIGQUIT'] as const;

/** Exit statuses of shells. */
const NOT_FOUND = 127;
const CANNOT_RUN = 126;

/**
 * Runs a program as if this process had become it: its input and output, environment, directory and process group are
 * ours, signals are passed on, and its end is ours: the same status, or the same signal.
 * @returns the exit status.
 */
export async function becomeCommand([program, ...args]: Launch['command']): Promise<number> {
  // Before it is started: it may run, and be sent a signal, while this process is not given any time.
  const passOn = (signal: NodeJS.Signals) => void child.kill(signal);
  const ours = process.stdin.isTTY ? PASSED_ON : [...PASSED_ON, ...FROM_TERMINALS];
  for (const signal of ours) process.on(signal, passOn);
  const ignore = () => {};
  for (const signal of FROM_TERMINALS) process.on(signal, ignore);
  const child = spawn(program, args, { stdio: 'inherit' });
  try {
    const { code, signal } = await ended(child);
    for (const each of [...PASSED_ON, ...FROM_TERMINALS]) process.removeAllListeners(each);
    if (signal !== null) process.kill(process.pid, signal);
    return code ?? 1;
  } catch (error) {
    const what = new DeployError('script', `${program} cannot be started: ${describeError(error)}`);
    process.stderr.write(`deploy-agent guard: ${describeError(what)}\n`);
    return isMissing(error) ? NOT_FOUND : CANNOT_RUN;
  }
}

function ended(
  child: ReturnType<typeof spawn>,
): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}
