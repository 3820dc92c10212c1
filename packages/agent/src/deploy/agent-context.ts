import type { UnpackPolicy } from '@deploy-tools/shared/archive/unpack-policy.js';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import type { DeployError } from '@deploy-tools/shared/errors.js';
import type { Turns } from '@deploy-tools/shared/host/turns.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { Wishes } from '../follow/pushes.js';
import type { Timers } from '../host/timers.js';
import type { Destination } from '../place/sync/destination.js';
import type { HealthSettings } from '../process/health/health-settings.js';
import type { RunAs } from '../process/script/run-as.js';
import type { Hook } from '../process/script/run-hook.js';
import type { OutputPlace } from '../process/script/run-output.js';
import type { ReleaseProgram } from '../process/supervise/release-program.js';
import type { AssembleThreads } from '../release/assemble/assemble-threads.js';
import type { ReuseMode } from '../release/assemble/reuse-method.js';
import type { Ownership } from '../release/unpack/tree-task.js';
import type { AttemptFacts } from './attempt-facts.js';
import type { Ledger } from './ledger.js';
import type { Pause } from './pause.js';
import type { RandomDelay } from './random-delay.js';

/** Where the agent keeps things; all paths are absolute. */
export interface AgentPaths {
  /** Archives by hash, and what is downloaded of them. */
  readonly cache: string;
  /** Releases by configuration hash. */
  readonly unpacked: string;
  /** Manifests of layers by digest. */
  readonly manifests: string;
  /** What the files of releases looked like when they were complete, by configuration hash. */
  readonly records: string;
  /** The configuration that the script last ran for with success. */
  readonly state: string;
  /** What a script that runs is told of its configuration (STATEFILE). */
  readonly scriptState: string;
  /** The symlink to the release that is active. */
  readonly current: string;
  /** What was synced to the destination. */
  readonly placed: string;
}

export interface AgentSettings {
  readonly name: string;
  /** Absolute, or a word to look up in PATH; undefined for none. */
  readonly script: string | undefined;
  /** Of the script and of each hook. */
  readonly scriptTimeoutMs: number;
  /** Whom scripts and programs are run as; undefined for the agent's own user. */
  readonly user: string | undefined;
  /** Like `script`; what is not there is not run. */
  readonly hooks: Readonly<Partial<Record<Hook, string>>>;
  readonly health: HealthSettings;
  /** Whether a release that fails is gone back from. */
  readonly rollback: boolean;
  /** Whether a release that failed live, from its activation on, is tried again by itself. */
  readonly retryLive: boolean;
  /** Where each release is synced to; undefined for nowhere. */
  readonly destination: Destination | undefined;
  /** A deployment waits up to so long, at random. */
  readonly randomDelayMs: number;
  /** Newest releases that are kept, besides those that are needed. */
  readonly keep: number;
  /** Whether releases that the Go agent made stay besides these: nobody has said how many are to be kept. */
  readonly keepsForeign: boolean;
  readonly cleanOld: boolean;
  readonly policy: UnpackPolicy;
  readonly ownership: Ownership;
  /** How unchanged files of earlier releases come into a new one. */
  readonly reuse: ReuseMode;
}

/** What the phases work with; passed to each. */
export interface AgentContext {
  readonly paths: AgentPaths;
  readonly settings: AgentSettings;
  readonly log: Logger;
  /** Run while a release is built. */
  readonly threads: AssembleThreads;
  /** In which releases are made, of all configurations of this agent. */
  readonly builds: Turns;
  /** In which the registry is asked what it wants, of all configurations of this agent. */
  readonly looks: Turns;
  readonly ledger: Ledger;
  readonly pause: Pause;
  readonly delay: RandomDelay;
  /** What the registry wants, whenever it was looked at. */
  readonly onWanted: (config: AgentConfig) => void;
  /** What is wanted while something else is being deployed. */
  readonly wishes: Wishes;
  /** Of the deployment that goes on: aborted when it is to end before its time. Never where none does. */
  readonly calledOff: AbortSignal;
  /** What keeps this host from doing what is wanted; undefined when nothing does. */
  readonly onTrouble: (error: DeployError | undefined) => void;
  /** Of the attempt in flight. */
  readonly facts: AttemptFacts;
  /** Where scripts and hooks print to. */
  readonly output: OutputPlace;
  /** The supervised one, where the agent has one. */
  readonly program: ReleaseProgram | undefined;
  readonly clock: () => Date;
  readonly timers: Timers;
  /** Aborted when the agent is to stop. A running script is not interrupted by it. */
  readonly signal: AbortSignal;
  /** The user of the settings; undefined when nothing has to be changed. */
  readonly runAs: RunAs | undefined;
  /** The agent's own environment, of which the script gets a part, with what differs for that user. */
  readonly env: Readonly<Record<string, string | undefined>>;
}
