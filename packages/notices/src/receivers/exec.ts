import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { access, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DeployError, errnoOf, toDeployError } from '@deploy-tools/shared/errors.js';
import type { Environment } from '../environment.js';
import { eventJson } from '../event-json.js';
import type { AllowedPrograms, Message, Receiver } from '../receiver.js';
import type { ExecUrl } from '../receiver-url.js';

/** Time between SIGTERM and SIGKILL. */
const KILL_AFTER_MS = 2000;
/** Time for the last output of a program that has ended. */
const DRAIN_MS = 300;
/** Characters of a failed program's error output that the error quotes. */
const MAX_OUTPUT_LENGTH = 500;
/** Environment variables that a program gets; it gets no others. */
const PASSED = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'USER', 'LOGNAME'];

/** Runs a program for each message, with the event as JSON on its standard input. */
export function execReceiver(url: ExecUrl, environment: Environment, allowed: AllowedPrograms): Receiver {
  return {
    label: `exec://${url.path}`,
    edits: false,
    quiet: url.quiet,
    send: async (message, signal) => {
      await checkProgram(url.path, allowed);
      await runProgram(url, message, environment, signal);
    },
  };
}

/** Checks that a program exists and may be run. @throws DeployError denied, not-found. */
export async function checkProgram(path: string, allowed: AllowedPrograms): Promise<void> {
  if (allowed === 'none') {
    throw new DeployError('denied', 'programs may not be run here', {
      hint: 'start the registry with -notify-exec DIR',
    });
  }
  const real = await realpath(path).catch(missing(path));
  if (allowed !== 'any') {
    const directory = await realpath(allowed.directory).catch(missing(allowed.directory));
    if (dirname(real) !== directory) {
      throw new DeployError('denied', `${path} may not be run: it is not in ${allowed.directory}`);
    }
  }
  if (!(await stat(real)).isFile()) throw new DeployError('denied', `${path} is not a file`);
  await access(real, constants.X_OK).catch(() => {
    throw new DeployError('denied', `${path} is not executable`);
  });
}

async function runProgram(
  { path, timeoutMs }: ExecUrl,
  message: Message,
  environment: Environment,
  signal: AbortSignal,
): Promise<void> {
  const passed = PASSED.flatMap((name) =>
    environment[name] === undefined ? [] : [[name, environment[name]]],
  );
  const child = spawn(path, [], {
    cwd: '/',
    env: { ...Object.fromEntries(passed), DEPLOY_EVENT: message.notice.event },
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  const output = readTail(child);
  child.stdin?.on('error', () => {}); // a program may end without reading its input
  child.stdin?.end(`${eventJson(message)}\n`);
  const isStopped = await runToEnd(child, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
  if (isStopped && signal.aborted) throw toDeployError(signal.reason);
  if (isStopped)
    throw new DeployError('timeout', `${path} took longer than ${timeoutMs / 1000} s and was ended`);
  if (child.exitCode === 0) return;
  const end =
    child.exitCode === null ? `was ended by ${child.signalCode}` : `exited with status ${child.exitCode}`;
  throw new DeployError('script', `${path} ${end}${output() === '' ? '' : `: ${output()}`}`);
}

/** Waits for a program and ends the rest of its process group. @returns whether the signal ended the program. */
async function runToEnd(child: ChildProcess, stop: AbortSignal): Promise<boolean> {
  let killing: NodeJS.Timeout | undefined;
  const kill = (): void => {
    signalGroup(child.pid, 'SIGTERM');
    killing = setTimeout(() => signalGroup(child.pid, 'SIGKILL'), KILL_AFTER_MS);
  };
  stop.addEventListener('abort', kill, { once: true });
  try {
    const exit = once(child, 'exit');
    if (stop.aborted) kill();
    await exit;
    return stop.aborted;
  } finally {
    clearTimeout(killing);
    stop.removeEventListener('abort', kill);
    signalGroup(child.pid, 'SIGKILL');
    await closeOutput(child);
  }
}

/** Waits for the program's last output, briefly: a process that left the group may keep the pipe open for ever. */
async function closeOutput(child: ChildProcess): Promise<void> {
  if (child.stderr?.readableEnded === false && child.pid !== undefined) {
    await Promise.race([once(child.stderr, 'close'), delay(DRAIN_MS)]);
  }
  child.stderr?.destroy();
}

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH' && errnoOf(error) !== 'EPERM') throw error;
  }
}

/** Collects the end of the program's error output. @returns a function that gives it. */
function readTail(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (more: string) => {
    text = (text + more).slice(-MAX_OUTPUT_LENGTH);
  });
  return () => text.trim();
}

function missing(path: string): (error: unknown) => never {
  return (error) => {
    throw new DeployError('not-found', `${path} is not there`, { cause: error });
  };
}
