import { whenAborted } from '../../host/either-signal.js';
import type { Launch } from './start-child.js';
import type { Prove, Supervisor } from './supervisor.js';

/** A release, and the environment of a program that runs from it. */
export interface ProgramRelease {
  readonly root: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** The supervised program as the deployment sees it: one that runs from a release. */
export interface ReleaseProgram {
  /** The release that it runs from; undefined before the first. */
  readonly root: string | undefined;
  /** All releases that something still runs from, also what drains. */
  readonly directories: readonly string[];
  /** Its process; undefined while it does not run. */
  readonly pid: number | undefined;
  /** That it shares with the one that it takes over from. */
  readonly ports: readonly number[];
  /** Aborted when the run that goes on, or begins, ends by itself, and in the pause after that; undefined before the first. */
  readonly died: AbortSignal | undefined;
  /** Runs it from a release that was proven before. */
  start(root: string, environment: Readonly<Record<string, string>>): void;
  /**
   * @see Supervisor.switchTo; resolves when the one before has ended too, or the new one has, or when nobody waits for that any
   * more: the signal is aborted.
   * @returns aborted when the new one ends by itself, from the moment that it took over.
   */
  switchTo(release: ProgramRelease, prove: Prove, signal: AbortSignal): Promise<AbortSignal>;
  /** Another run from the same release takes over. */
  restart(prove: Prove, signal: AbortSignal): Promise<void>;
}

/**
 * @param what is the same of every release: the command line after `--`, who runs it, where it prints to.
 * @param explain says more of why a release's program did not take over.
 */
export function releaseProgram(
  supervisor: Supervisor,
  what: Pick<Launch, 'command' | 'as' | 'output'>,
  explain: (error: unknown) => unknown = (error) => error,
): ReleaseProgram {
  const launch = (cwd: string, environment: Readonly<Record<string, string>>): Launch => ({
    ...what,
    cwd,
    environment,
  });
  return {
    get root() {
      return supervisor.inCharge?.launch.cwd;
    },
    get directories() {
      return supervisor.directories;
    },
    get pid() {
      return supervisor.inCharge?.program?.pid;
    },
    ports: supervisor.ports,
    get died() {
      return supervisor.inCharge?.crashed;
    },
    start: (root, environment) => supervisor.start(launch(root, environment)),
    switchTo: async ({ root, environment }, prove, signal) => {
      const switching = supervisor.switchTo(launch(root, environment), prove, signal);
      const { crashed, drained } = await switching.catch((error: unknown) => {
        throw explain(error);
      });
      await Promise.race([drained, whenAborted(crashed), whenAborted(signal)]);
      return crashed;
    },
    restart: (prove, signal) => supervisor.restart(prove, signal),
  };
}
