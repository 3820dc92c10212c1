import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { LogFollower } from './log-follower.js';
import type { Scope } from './scope.js';

export const PROJECT_ROOT = join(import.meta.dirname, '..', '..');

/** A program of ours as an installation has it: `node_modules/.bin/<name>`. */
export function binPath(name: string): string {
  return join(PROJECT_ROOT, 'node_modules', '.bin', name);
}

/** A program of ours that runs as a child process. */
export interface RunningProgram {
  readonly child: ChildProcess;
  readonly log: LogFollower;
  /** Resolves when the process has ended, with its exit status or the name of the signal. */
  readonly ended: Promise<number | NodeJS.Signals>;
}

/** Starts a program with its log followed; killed at the end of the scope if it still runs. @param cwd this process's unless told. */
export function startProgram(
  scope: Scope,
  name: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
  cwd?: string,
): RunningProgram {
  return follow(scope, spawn(binPath(name), args, { env, cwd, stdio: ['ignore', 'ignore', 'pipe'] }));
}

/** The same as a service manager starts it that has opened its listening sockets (sd_listen_fds(3)). */
export function startWithSockets(
  scope: Scope,
  name: string,
  args: readonly string[],
  sockets: readonly number[],
): RunningProgram {
  const env = { ...process.env, LISTEN_FDS: String(sockets.length) };
  return follow(
    scope,
    spawn('/bin/sh', ['-c', 'export LISTEN_PID=$$; exec "$@"', 'sh', binPath(name), ...args], {
      env,
      stdio: ['ignore', 'ignore', 'pipe', ...sockets],
    }),
  );
}

function follow(scope: Scope, child: ChildProcess): RunningProgram {
  const log = new LogFollower(child.stderr as Readable);
  const ended = new Promise<number | NodeJS.Signals>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'SIGKILL'));
  });
  scope.defer(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return { child, log, ended };
}
