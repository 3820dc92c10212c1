import { whenAborted } from '../../host/either-signal.js';
import type { Launch } from './start-child.js';
import type { Prove, Supervisor } from './supervisor.js';

/** A release, and the environment of a program that runs from it. */
interface ProgramRelease {
  readonly root: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** The supervised program, for deployments: it runs from a release. */
export interface ReleaseProgram {
  /** The release that it runs from; undefined before the first. */
  readonly root: string | undefined;
  /** All releases that a program runs from, also a draining one. */
  readonly directories: readonly string[];
  /** Its process; undefined while it does not run. */
  readonly pid: number | undefined;
  /** Ports that a new program shares with the old one. */
  readonly ports: readonly number[];
  /** Aborted when the present run ends by itself, and in the pause after that; undefined before the first run. */
  readonly died: AbortSignal | undefined;
  /** Runs the program from a release that was proven before. */
  start(root: string, environment: Readonly<Record<string, string>>): void;
  /**
   * Has a new program take over. Resolves when the old one has ended, or the new one has, or the signal is aborted.
   * @returns aborted when the new program ends by itself. @see Supervisor.switchTo
   */
  switchTo(release: ProgramRelease, prove: Prove, signal: AbortSignal): Promise<AbortSignal>;
  /** Has another run from the same release take over. */
  restart(prove: Prove, signal: AbortSignal): Promise<void>;
}

/**
 * The supervised program of a supervisor.
 * @param what is the same for every release: the command line after `--`, the user, the output.
 * @param explain adds the reason to the error of a program that did not take over.
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
