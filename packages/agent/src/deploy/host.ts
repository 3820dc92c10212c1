import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import type { Hook, HookOutcome } from '../process/script/run-hook.js';
import type { DeployRoots } from './deploy-roots.js';

export interface HookInput {
  /** Where it runs; the agent's working directory without. */
  readonly cwd?: string;
  /** What it reads from standard input. */
  readonly stdin?: string;
}

export interface Proof {
  /** Aborted when the supervised program ends, which it must not. */
  readonly died?: AbortSignal | undefined;
  /** Ends the proof likewise. */
  readonly calledOff?: AbortSignal;
}

/** Everything that runs on this host for a release: the script, the hooks, the supervised program and the health checks. */
export interface Host {
  /**
   * Runs a hook, or the script, where one is configured. A running one is not interrupted when the agent stops: half a deployment is
   * worse than a late exit, and its timeout bounds it.
   * @throws DeployError script.
   */
  run(hook: Hook, roots: DeployRoots, input?: HookInput): Promise<HookOutcome>;
  /**
   * Lets the supervised program of a release take over, unless it runs from there already. It has to pass the checks once before;
   * these may be answered by the program before it, so the release has to be proven again afterwards.
   * @param calledOff ends the switch.
   * @returns aborted when the program of the release ends by itself, also before this returns; undefined where there is no program.
   * @throws DeployError unhealthy; the reason of `calledOff`; AbortError. The program before is in charge then.
   */
  switchProgram(roots: DeployRoots, calledOff: AbortSignal): Promise<AbortSignal | undefined>;
  /**
   * Has the health checks pass for as long as the settings say.
   * @throws DeployError unhealthy, naming the check and its last answer; the reason of a signal; AbortError.
   */
  prove(roots: DeployRoots, proof: Proof): Promise<void>;
  /** Whatever was proven: the program in charge has to be that of the release, and to run. @throws DeployError unhealthy. */
  requireInCharge(roots: DeployRoots): void;
  /** Whether the supervised program, where there is one, runs at all. */
  readonly isRunning: boolean;
  /** Release directories from which a program runs or drains. */
  readonly directories: readonly string[];
  /** Starts the program of a release that was proven before, where there is a program and it does not run. */
  start(config: AgentConfig, root: string): void;
  /**
   * Lets a fresh run of the program take over, where one runs.
   * @param signal ends it; not that of a loop, which other settings end. @throws DeployError unhealthy; AbortError.
   */
  restart(signal: AbortSignal): Promise<void>;
}
