import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import type { DeployError } from '@deploy-tools/shared/errors.js';
import type { Turns } from '@deploy-tools/shared/host/turns.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { Timers } from '../host/timers.js';
import { ReleasePlace } from '../place/release-place.js';
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
import { LocalHost } from './local-host.js';
import type { Pause } from './pause.js';
import type { RandomDelay } from './random-delay.js';
import type { Wishes } from './wishes.js';

/** Where the agent keeps things; all paths are absolute. */
export interface AgentPaths extends ReleasePaths {
  /** The configuration that the script last ran for with success. */
  readonly state: string;
  /** What a running script reads of its configuration (STATEFILE). */
  readonly scriptState: string;
  /** The symlink to the active release. */
  readonly current: string;
  /** The record of what was synced to the destination. */
  readonly placed: string;
}

export interface AgentSettings extends ReleaseSettings {
  readonly name: string;
  /** Absolute, or a word to look up in PATH; undefined for none. */
  readonly script: string | undefined;
  /** Of the script and of each hook. */
  readonly scriptTimeoutMs: number;
  /** Whom scripts and programs are run as; undefined for the agent's own user. */
  readonly user: string | undefined;
  /** Like `script`; a hook that is not named here is not run. */
  readonly hooks: Readonly<Partial<Record<Hook, string>>>;
  readonly health: HealthSettings;
  /** Whether the host rolls back a release that fails. */
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
}

/** What stays as it is while one configuration is followed, whatever its settings become. */
export interface ContextParts {
  readonly paths: AgentPaths;
  readonly log: Logger;
  /** Run while a release is made. */
  readonly threads: AssembleThreads;
  /** Limits the releases that all configurations of this agent make at once. */
  readonly builds: Turns;
  readonly ledger: Ledger;
  readonly pause: Pause;
  /** What the upstream wants, after each poll. */
  readonly onWanted: (config: AgentConfig) => void;
  /** What keeps this host from running what is wanted; undefined when nothing does. */
  readonly onTrouble: (error: DeployError | undefined) => void;
  /** Facts of the attempt in progress. */
  readonly facts: AttemptFacts;
  /** Where scripts and hooks print to. */
  readonly output: OutputPlace;
  /** The supervised program, where the agent has one. */
  readonly program: ReleaseProgram | undefined;
  readonly clock: () => Date;
  readonly timers: Timers;
  /** The user of the settings; undefined for the agent's own. */
  readonly runAs: RunAs | undefined;
  /** The agent's own environment, of which the script gets a part, with what differs for that user. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** What belongs to one run of the loop that follows the configuration. */
export interface LoopParts {
  readonly settings: AgentSettings;
  readonly delay: RandomDelay;
  /** What is wanted while something else is being deployed. */
  readonly wishes: Wishes;
  /** Aborted when the agent is to stop. A running script is not interrupted by it. */
  readonly signal: AbortSignal;
}

/** What deployments of one configuration rest on. */
export interface AgentContext
  extends Omit<ContextParts, 'threads' | 'output' | 'program' | 'runAs' | 'env'>,
    LoopParts {
  readonly releases: ReleaseStore;
  readonly place: ReleasePlace;
  readonly host: Host;
}

export function agentContext(parts: ContextParts, loop: LoopParts): AgentContext {
  const { paths, log, threads, builds, ledger, pause, onWanted, onTrouble, facts, clock, timers } = parts;
  const { output, program, runAs, env } = parts;
  const { settings, delay, wishes, signal } = loop;
  const { name, destination, keep } = settings;
  const releases = { paths, settings, threads, log, progress: facts, clock, signal };
  const place = new ReleasePlace({
    name,
    paths,
    destination,
    keep,
    timers,
    log,
    onNote: (line) => facts.log.push(line),
    onWait: (what) => facts.waitsFor(what),
  });
  const { scriptState } = paths;
  const host = new LocalHost({
    settings,
    scriptState,
    program,
    ledger,
    facts,
    output,
    runAs,
    env,
    timers,
    log,
    signal,
  });
  return {
    paths,
    log,
    builds,
    ledger,
    pause,
    onWanted,
    onTrouble,
    facts,
    clock,
    timers,
    settings,
    delay,
    wishes,
    signal,
    releases,
    place,
    host,
  };
}
