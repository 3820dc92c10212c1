import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import type { DeployError } from '@deploy-tools/shared/errors.js';
import type { Turns } from '@deploy-tools/shared/host/turns.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { Timers } from '../host/timers.js';
import type { ReleasePlace } from '../place/release-place.js';
import type { Destination } from '../place/sync/destination.js';
import type { HealthSettings } from '../process/health/health-flags.js';
import type { RunAs } from '../process/script/run-as.js';
import type { Hook } from '../process/script/run-hook.js';
import type { OutputPlace } from '../process/script/run-output.js';
import type { ReleaseProgram } from '../process/supervise/release-program.js';
import type { AssembleThreads } from '../release/assemble/assemble-threads.js';
import type { ReleasePaths, ReleaseSettings, ReleaseStore } from '../release/release-store.js';
import type { AttemptFacts } from './attempt-facts.js';
import type { Host } from './host.js';
import type { Ledger } from './ledger.js';
import type { Pause } from './pause.js';
import type { RandomDelay } from './random-delay.js';
import type { Wishes } from './wishes.js';

/** Where the agent keeps its files; all paths are absolute. */
export interface AgentPaths extends ReleasePaths {
  /** state.json: the last good configuration. */
  readonly state: string;
  /** The configuration that a running script reads (STATEFILE). */
  readonly scriptState: string;
  /** The symlink to the active release. */
  readonly current: string;
  /** The record of the last sync to the destination. */
  readonly placed: string;
}

export interface AgentSettings extends ReleaseSettings {
  readonly name: string;
  /** Absolute path, or a name to look up in PATH; undefined for none. */
  readonly script: string | undefined;
  /** For the script and for each hook. */
  readonly scriptTimeoutMs: number;
  /** The user that scripts and programs run as; undefined for the agent's own. */
  readonly user: string | undefined;
  /** Each as `script`; a hook that is not named here is not run. */
  readonly hooks: Readonly<Partial<Record<Hook, string>>>;
  readonly health: HealthSettings;
  /** Whether the host rolls back a release that fails. */
  readonly rollback: boolean;
  /** Whether a release that failed at its activation or later is retried without an operator. */
  readonly retryLive: boolean;
  /** Where each release is synced to; undefined for nowhere. */
  readonly destination: Destination | undefined;
  /** Upper bound of the random delay before a deployment. */
  readonly randomDelayMs: number;
  /** The number of newest releases to keep, besides those that are needed. */
  readonly keep: number;
  /** Whether releases of the Go agent are kept besides these: true as long as the operator sets no number. */
  readonly keepsForeign: boolean;
  /** Whether only needed releases are kept. */
  readonly cleanOld: boolean;
}

/** The parts of a followed configuration that stay the same when its settings change. */
export interface ContextParts {
  readonly paths: AgentPaths;
  readonly log: Logger;
  readonly threads: AssembleThreads;
  /** Limits how many releases the configurations of this agent make at once. */
  readonly builds: Turns;
  readonly ledger: Ledger;
  readonly pause: Pause;
  /** Called after each poll with the wanted configuration. */
  readonly onWanted: (config: AgentConfig) => void;
  /** Called with the error that keeps this host from the wanted release; with undefined when there is none any more. */
  readonly onTrouble: (error: DeployError | undefined) => void;
  readonly facts: Readonly<AttemptFacts>;
  /** Receives the output of scripts and hooks. */
  readonly output: OutputPlace;
  readonly program: ReleaseProgram | undefined;
  readonly clock: () => Date;
  readonly timers: Timers;
  /** The user of the settings; undefined for the agent's own. */
  readonly runAs: RunAs | undefined;
  /** The agent's own environment, adapted to that user. Scripts get a part of it. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The parts of one run of the loop that follows the configuration. */
export interface LoopParts {
  readonly settings: AgentSettings;
  readonly delay: RandomDelay;
  readonly wishes: Wishes;
  /** Aborted when the agent is to stop. It does not interrupt a running script. */
  readonly signal: AbortSignal;
}

/** Everything that deployments of one configuration use. */
export interface AgentContext extends ContextParts, LoopParts {
  readonly releases: ReleaseStore;
  readonly place: ReleasePlace;
  readonly host: Host;
}
