import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { LogFollower } from './log-follower.js';
import type { Scope } from './scope.js';

export const PROJECT_ROOT = join(import.meta.dirname, '..', '..');

/** A program of ours as an installation has it: `node_modules/.bin/<name>`, or in PROGRAMS, the directory `bin` of a package. */
export function binPath(name: string): string {
  return join(process.env.PROGRAMS ?? join(PROJECT_ROOT, 'node_modules', '.bin'), name);
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

export interface Activated {
  /** Of all its runs, and what systemd-socket-activate says. */
  readonly log: LogFollower;
  /** Of the program that runs now. */
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM, and no other is started. @returns the exit status of the last one. */
  stop(): Promise<number | NodeJS.Signals>;
}

/**
 * A program of ours under systemd-socket-activate, which opens its socket and starts it at the first connection; it is started again
 * whenever it has ended, while the socket stays open, as by a service manager.
 * @param dir of its own.
 */
export function startActivated(
  scope: Scope,
  { listen, dir }: { readonly listen: string; readonly dir: string },
  [name, ...args]: readonly [string, ...string[]],
): Activated {
  const [own, over] = [join(dir, 'pid'), join(dir, 'over')];
  const once = `echo $$ > '${own}'; export LISTEN_PID=$$; exec "$@"`;
  const keep = `until test -e '${over}'; do /bin/sh -c "$0" sh "$@" || exit; done`; // each exec keeps the process id
  const command = ['/bin/sh', '-c', keep, once, binPath(name), ...args];
  const child = spawn('systemd-socket-activate', ['--listen', listen, ...command], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const { log, ended } = follow(scope, child);
  const kill = (signal: NodeJS.Signals): void => void process.kill(Number(readFileSync(own, 'utf8')), signal);
  const stop = (): Promise<number | NodeJS.Signals> => {
    writeFileSync(over, '');
    if (existsSync(own) && child.exitCode === null && child.signalCode === null) kill('SIGTERM');
    return ended;
  };
  scope.defer(() => void stop());
  return { log, kill, stop };
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
