import type { Launch } from './start-child.js';
import type { Prove, Supervisor } from './supervisor.js';

/** The supervised program as the deployment sees it: one that runs from a release. */
export interface ReleaseProgram {
  /** The release that it runs from; undefined before the first. */
  readonly root: string | undefined;
  /** Aborted when the run that is in charge ends; undefined while none is. */
  readonly died: AbortSignal | undefined;
  /** Runs it from a release that was proven before. */
  start(root: string, environment: Readonly<Record<string, string>>): void;
  /** @see Supervisor.switchTo; resolves when the one before has ended too. */
  switchTo(
    root: string,
    environment: Readonly<Record<string, string>>,
    prove: Prove,
    signal: AbortSignal,
  ): Promise<void>;
  /** Another run from the same release takes over. */
  restart(prove: Prove, signal: AbortSignal): Promise<void>;
}

/** @param command the command line after `--`. */
export function releaseProgram(
  supervisor: Supervisor,
  command: Launch['command'],
  as: Launch['as'] = undefined,
): ReleaseProgram {
  const launch = (cwd: string, environment: Readonly<Record<string, string>>): Launch => ({
    command,
    as,
    cwd,
    environment,
  });
  return {
    get root() {
      return supervisor.inCharge?.launch.cwd;
    },
    get died() {
      return supervisor.inCharge?.program?.died;
    },
    start: (root, environment) => supervisor.start(launch(root, environment)),
    switchTo: async (root, environment, prove, signal) => {
      const switched = await supervisor.switchTo(launch(root, environment), prove, signal);
      await switched.drained;
    },
    restart: async (prove, signal) => {
      await (await supervisor.restart(prove, signal)).drained;
    },
  };
}
