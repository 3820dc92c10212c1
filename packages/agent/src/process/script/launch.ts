import { type ChildProcess, spawn } from 'node:child_process';
import type { Invocation } from './run-as.js';

/** A program that is to be started, in a process group of its own. */
export interface Launch extends Invocation {
  readonly cwd: string | undefined;
  /** All of it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Standard output, standard error and what follows, as spawn takes them. */
  readonly outputs: readonly (number | 'pipe')[];
  /** Text for standard input, which is empty without. */
  readonly stdin?: string | undefined;
}

/**
 * Waits for a line, so that no program runs that was not written down, sets LISTEN_PID, which only the process itself
 * knows, and becomes the program. When the agent dies before, there is no line and it ends.
 */
const LAUNCHER = `IFS= read -r go || exit 1
unset go PWD OLDPWD SHLVL
[ -z "$LISTEN_FDS" ] || export LISTEN_PID=$$
exec "$@"`;

/**
 * Starts a process that becomes the program once {@link letRun} says so. A program that does not exist, or
 * cannot be executed, ends with status 127 or 126, and says so on its standard error.
 */
export function startWaiting({ program, args, cwd, environment, outputs, stdin }: Launch): ChildProcess {
  const launcher = stdin === undefined ? `${LAUNCHER} </dev/null` : LAUNCHER;
  return spawn('/bin/sh', ['-c', launcher, 'deploy-agent', program, ...args], {
    cwd,
    env: environment,
    detached: true,
    stdio: ['pipe', ...outputs],
  });
}

/** @param stdin the same text. */
export function letRun(child: ChildProcess, stdin = ''): void {
  child.stdin?.on('error', () => child.stdin?.destroy()); // killed before it read its line, or it does not read its text
  child.stdin?.end(`go\n${stdin}`);
}
