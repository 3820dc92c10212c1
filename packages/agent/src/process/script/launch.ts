import { type ChildProcess, spawn } from 'node:child_process';
import type { Invocation } from './run-as.js';

/** A program that is to be started, in a process group of its own. */
export interface Launch extends Invocation {
  readonly cwd: string | undefined;
  readonly environment: Readonly<Record<string, string>>;
  /** Standard output, standard error and further descriptors, as spawn takes them. */
  readonly outputs: readonly (number | 'pipe')[];
  /** Text for standard input, by default empty. */
  readonly stdin?: string | undefined;
}

/**
 * A shell script that waits for a line, sets LISTEN_PID to its own process id, and becomes the program. So every program that runs
 * was recorded before: when the agent dies earlier, there is no line, and the script ends.
 */
const LAUNCHER = `IFS= read -r go || exit 1
unset go PWD OLDPWD SHLVL
[ -z "$LISTEN_FDS" ] || export LISTEN_PID=$$
exec "$@"`;

/**
 * Starts a process that becomes the program after {@link letRun}. A program that does not exist or cannot be executed ends with
 * status 127 or 126, with a message on standard error.
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

/** Lets a waiting process become its program. @param stdin the same text. */
export function letRun(child: ChildProcess, stdin = ''): void {
  child.stdin?.on('error', () => child.stdin?.destroy()); // it was killed before, or does not read its text
  child.stdin?.end(`go\n${stdin}`);
}
