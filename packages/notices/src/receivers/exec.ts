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

/** Between TERM and KILL. */
const KILL_AFTER_MS = 2000;
const DRAIN_MS = 300;
/** What is kept of what a program says when it fails. */
const MAX_WORDS = 500;
/** Variables that a program gets; what else it needs is its own business. */
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

/** @throws DeployError denied, not-found. */
export async function checkProgram(path: string, allowed: AllowedPrograms): Promise<void> {
  if (allowed === 'none') {
    throw new DeployError('denied', 'programs may not be run here', {
      hint: 'the registry has to be started with -notify-exec DIR',
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
  const words = lastWords(child);
  child.stdin?.on('error', () => {}); // a program may end without reading
  child.stdin?.end(`${eventJson(message)}\n`);
  const stopped = await endedWithin(child, timeoutMs, signal);
  if (stopped === 'abort') throw toDeployError(signal.reason);
  if (stopped === 'timeout') {
    throw new DeployError('timeout', `${path} took longer than ${timeoutMs / 1000} s and was ended`);
  }
  if (child.exitCode === 0) return;
  const how =
    child.exitCode === null ? `was ended by ${child.signalCode}` : `exited with status ${child.exitCode}`;
  throw new DeployError('script', `${path} ${how}${words() === '' ? '' : `: ${words()}`}`);
}

/** Waits for the program; whatever of its process group is left then is ended too. */
async function endedWithin(
  child: ChildProcess,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<'timeout' | 'abort' | undefined> {
  let stopped: 'timeout' | 'abort' | undefined;
  let killing: NodeJS.Timeout | undefined;
  const stop = (why: 'timeout' | 'abort'): void => {
    stopped ??= why;
    signalGroup(child.pid, 'SIGTERM');
    killing ??= setTimeout(() => signalGroup(child.pid, 'SIGKILL'), KILL_AFTER_MS);
  };
  const abort = (): void => stop('abort');
  const timer = setTimeout(() => stop('timeout'), timeoutMs);
  signal.addEventListener('abort', abort, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', () => resolve());
      if (signal.aborted) abort();
    });
    return stopped;
  } finally {
    clearTimeout(timer);
    clearTimeout(killing);
    signal.removeEventListener('abort', abort);
    signalGroup(child.pid, 'SIGKILL');
    await closed(child);
  }
}

/** Waits for what it wrote; a process that left its group may hold the pipe for ever. */
async function closed(child: ChildProcess): Promise<void> {
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

function lastWords(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (more: string) => {
    text = (text + more).slice(-MAX_WORDS);
  });
  return () => text.trim();
}

function missing(path: string): (error: unknown) => never {
  return (error) => {
    throw new DeployError('not-found', `${path} is not there`, { cause: error });
  };
}
