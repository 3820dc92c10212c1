import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import type { Hook, HookOutcome } from '../process/script/run-hook.js';
import type { DeployRoots } from './deploy-roots.js';

export interface HookInput {
  /** Working directory; the agent's own by default. */
  readonly cwd?: string;
  /** Content of standard input. */
  readonly stdin?: string;
}

export interface Proof {
  /** Aborted when the supervised program ends by itself. */
  readonly died?: AbortSignal | undefined;
  /** Ends the proof likewise. */
  readonly calledOff?: AbortSignal;
}

/** Runs the processes of a release on this host: script, hooks, supervised program and health checks. */
export interface Host {
  /**
   * Runs a hook, or the script, where one is configured. The end of the agent does not interrupt it: half a deployment is worse than
   * a late exit, and the script's timeout bounds it.
   * @throws DeployError script.
   */
  run(hook: Hook, roots: DeployRoots, input?: HookInput): Promise<HookOutcome>;
  /**
   * Switches the supervised program to a release, unless it runs from there already. All checks have to pass once before. The
   * previous program may have answered them, so the release has to be proven again afterwards.
   * @param calledOff ends the switch.
   * @returns a signal that is aborted when the release's program ends by itself, maybe already; undefined without a supervised program.
   * @throws DeployError unhealthy; the reason of `calledOff`; AbortError. The previous program is in charge then.
   */
  switchProgram(roots: DeployRoots, calledOff: AbortSignal): Promise<AbortSignal | undefined>;
  /**
   * Proves a release: the health checks have to pass for as long as the settings say.
   * @throws DeployError unhealthy, naming the check and its last answer; the reason of a signal; AbortError.
   */
  prove(roots: DeployRoots, proof: Proof): Promise<void>;
  /** Checks that the program in charge is the release's and runs. @throws DeployError unhealthy. */
  requireInCharge(roots: DeployRoots): void;
  /** Whether the supervised program has a release to run from; true without a supervised program. */
  readonly isRunning: boolean;
  /** Release directories from which a program runs or drains. */
  readonly directories: readonly string[];
  /** Starts the supervised program, if there is one, from a release that was proven before. */
  start(config: AgentConfig, root: string): void;
  /**
   * Replaces the supervised program, where one runs, by a fresh run of the same release.
   * @param signal ends the restart. It cannot be the loop's signal, which is aborted when settings change.
   * @throws DeployError unhealthy; AbortError.
   */
  restart(signal: AbortSignal): Promise<void>;
}
