import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import type { DeployStep } from './deploy-step.js';
import type { Hold } from './hold.js';

/** Of what was live before there was a record of it. */
const UNKNOWN_TIME = new Date(0).toISOString();

/** Why a script or hook runs, as REASON tells it. */
export type Reason = 'deploy' | 'rollback' | 'retry';

/** One try to make a revision the running one. */
export interface Attempt {
  /** Names it for ever; random. */
  readonly deploy: string;
  readonly step: DeployStep;
  /** Since when it is at this step, RFC 3339 UTC. */
  readonly since: string;
  readonly reason: Exclude<Reason, 'rollback'>;
  /** From 1: which attempt at this revision. */
  readonly number: number;
  readonly config: AgentConfig;
  /** What is live when it begins, as scripts are told by OLDROOT; with `byHand` what is gone back to. Absent on a new host. */
  readonly before?: AgentConfig;
  /** What was live when its activation began, for a host that says not now; null where nothing was. */
  readonly left?: Live | null;
  /**
   * Set once the script was about to run for the release: the boot of the host in which it was unpacked. From then on
   * that directory is used again, for something may have been started from it.
   */
  readonly unpackedIn?: string;
  /** The script succeeded and the program was switched: the release runs, proven or not. */
  readonly activated?: true;
  /** What is gone back from, where it was left unproven for a release that did not take its place. */
  readonly leaving?: AgentConfig;
  /** What follows for its revision from the failure is in `hold` already. */
  readonly judged?: true;
  /** Who cancelled it, as people know them; it ends as soon as it may. */
  readonly cancelledBy?: string;
  /** The way back was gone; only state.json does not tell yet. */
  readonly arrived?: true;
  /** It is a way back that somebody asked for, from a release that had not failed by itself. */
  readonly byHand?: true;
  /** What went wrong, or went wrong first. */
  readonly error?: { readonly kind: string; readonly message: string };
  /** The rollback could not be done yet, for what is no fault of a release. */
  readonly postponed?: PostponedRollback;
}

/** A rollback that is tried again. */
export interface PostponedRollback {
  /** In a row. */
  readonly failures: number;
  /** RFC 3339 UTC. */
  readonly notBefore: string;
  /** What it failed with last. */
  readonly message: string;
}

/**
 * How far a release that is live got: its activation was begun (the script may have done half of it), was done, was proven by its
 * health; or the way back from it failed, and nothing is known.
 */
export type LiveHow = 'activating' | 'activated' | 'proven' | 'unknown';

/** What is live on this host. Changed by activation, proof, a way back and giving up, and by nothing else. */
export interface Live {
  readonly config: AgentConfig;
  readonly how: LiveHow;
  /** Since when it is live in this way, RFC 3339 UTC. */
  readonly since: string;
  /** What its script was told as the old release; absent on a new host. */
  readonly before?: AgentConfig;
}

/** What an agent after this one, should it be killed, has to know. `state.json` holds the last good release. */
export interface Journal {
  /** The one in flight, or else the last one. */
  readonly attempt?: Attempt;
  /** Absent where nothing was activated yet. To be read by {@link liveRelease}. */
  readonly live?: Live;
  /** The last two that were proven, the newest first. */
  readonly proven?: readonly AgentConfig[];
  readonly hold?: Hold;
  /** Hash of a release that runs, and that somebody wants to be deployed again; until that is proven, or another is deployed. */
  readonly again?: string;
  /** A script or hook that runs, as processIdentity names it; it may outlive an agent that is killed. */
  readonly script?: string;
  /** Of an agent before there were journals: a release that its script was run for. */
  readonly unpacked?: { readonly hash: string; readonly in: string };
}

/** So many proven releases are remembered. */
const MAX_PROVEN = 2;

/**
 * What is live. state.json, which the original's agent writes too, has the last word on what is proven: another agent may have
 * deployed since, and who removes the file says that nothing is.
 */
export function liveRelease(
  { live }: Pick<Journal, 'live'>,
  lastGood: AgentConfig | undefined,
): Live | undefined {
  if (live !== undefined && (live.how !== 'proven' || live.config.hash === lastGood?.hash)) return live;
  return lastGood && { config: lastGood, how: 'proven', since: live?.since ?? UNKNOWN_TIME };
}

/** The journal of an agent that kept no record of what is live, with what can be told of it. */
export function withLive(journal: Journal, lastGood: AgentConfig | undefined): Journal {
  const { attempt, live = attempt && liveBy(attempt), proven } = journal;
  return {
    ...journal,
    ...(live === undefined ? {} : { live }),
    ...(proven !== undefined || lastGood === undefined ? {} : { proven: [lastGood] }),
  };
}

/** @returns undefined where what is live is what state.json holds. */
function liveBy({ step, activated, config, before, since, judged }: Attempt): Live | undefined {
  if (judged === true) return undefined; // of an agent that keeps a record
  const hows: Partial<Record<DeployStep, LiveHow>> = {
    activating: 'activating',
    validating: 'activated',
    'rolling-back': 'activating',
    inconsistent: 'unknown',
    ...(activated === true ? { failed: 'activated' } : {}),
  };
  const how = hows[step];
  return how && { config, how, since, ...(before === undefined ? {} : { before }) };
}

/** A release was proven. */
export function withProven(proven: readonly AgentConfig[], config: AgentConfig): readonly AgentConfig[] {
  return [config, ...proven.filter(({ hash }) => hash !== config.hash)].slice(0, MAX_PROVEN);
}

/**
 * What runs, as people are told: while a release is being activated, what ran before. Undefined where that is not known, as while a
 * script runs on the way back.
 */
export function runningRelease(journal: Journal, lastGood: AgentConfig | undefined): AgentConfig | undefined {
  const live = liveRelease(journal, lastGood);
  if (live === undefined || live.how === 'unknown') return undefined;
  if (live.how !== 'activating') return live.config;
  const step = journal.attempt?.step;
  if (step === 'rolling-back' && live.config.hash !== journal.attempt?.config.hash) return undefined;
  return step === 'activating' ? live.before : live.config;
}

/** Whether what is live is the last good release, and nothing has to be done to make it so. */
export function isSettled({ live }: Pick<Journal, 'live'>): boolean {
  return live === undefined || live.how === 'proven';
}
