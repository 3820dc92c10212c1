import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import type { DeployStep } from './deploy-step.js';
import type { Hold } from './hold.js';

/** Since when a release is live that was so before there was a record of it. */
const UNKNOWN_TIME = new Date(0).toISOString();

/** Why a script or hook runs: REASON in its environment. */
export type Reason = 'deploy' | 'rollback' | 'retry';

/** One try to make a revision the running one. */
export interface Attempt {
  /** Random name that no other attempt gets. */
  readonly deploy: string;
  readonly step: DeployStep;
  /** Since when it is at this step, RFC 3339 UTC. */
  readonly since: string;
  readonly reason: Exclude<Reason, 'rollback'>;
  /** From 1: which attempt at this revision. */
  readonly number: number;
  readonly config: AgentConfig;
  /** What is live when it begins, which scripts get as OLDROOT; with `byHand` what is rolled back to. Absent on a new host. */
  readonly before?: AgentConfig;
  /** What was live when its activation began, to be restored after a veto; null where nothing was. */
  readonly left?: Live | null;
  /**
   * Set once the script was about to run for the release: the boot of the host in which it was unpacked. From then on
   * that directory is used again, for something may have been started from it.
   */
  readonly unpackedIn?: string;
  /** The script succeeded and the program was switched: the release runs, proven or not. */
  readonly activated?: true;
  /** What is rolled back, where it was left unproven for a release that did not replace it. */
  readonly leaving?: AgentConfig;
  /** `hold` says already what follows for its revision from the failure. */
  readonly judged?: true;
  /** Who cancelled it, as people know them; it ends as soon as it may. */
  readonly cancelledBy?: string;
  /** The rollback is done; only state.json does not say so yet. */
  readonly arrived?: true;
  /** It is a rollback that an operator asked for, of a release that had not failed by itself. */
  readonly byHand?: true;
  /** What went wrong, or went wrong first. */
  readonly error?: { readonly kind: string; readonly message: string };
  /** The rollback failed so far, for reasons that are no fault of a release. */
  readonly postponed?: PostponedRollback;
}

/** A rollback that is tried again. */
export interface PostponedRollback {
  /** In a row. */
  readonly failures: number;
  /** RFC 3339 UTC. */
  readonly notBefore: string;
  /** Why it failed last. */
  readonly message: string;
}

/**
 * How far a live release has got: its activation has begun (the script may have done half of it), is done, or is proven by its
 * health; or its rollback failed, and nothing is known.
 */
export type LiveHow = 'activating' | 'activated' | 'proven' | 'unknown';

/** What is live on this host. Only activation, proof, a rollback and giving one up change it. */
export interface Live {
  readonly config: AgentConfig;
  readonly how: LiveHow;
  /** Since when it is live in this way, RFC 3339 UTC. */
  readonly since: string;
  /** What its script got as the old release; absent on a new host. */
  readonly before?: AgentConfig;
}

/** What the next agent has to know if this one is killed. `state.json` holds the last good release. */
export interface Journal {
  /** The attempt in flight, or else the last one. */
  readonly attempt?: Attempt;
  /** Absent where nothing was activated yet. Read it with {@link liveRelease}. */
  readonly live?: Live;
  /** The last two releases that were proven, the newest first. */
  readonly proven?: readonly AgentConfig[];
  readonly hold?: Hold;
  /** Hash of a running release that an operator wants deployed again; until it is proven, or another one is deployed. */
  readonly again?: string;
  /** A running script or hook, as processIdentity names it; it may outlive an agent that is killed. */
  readonly script?: string;
  /** A release whose script was run by an agent from before there were journals. */
  readonly unpacked?: { readonly hash: string; readonly in: string };
}

/** Proven releases that are remembered. */
const MAX_PROVEN = 2;

/**
 * What is live. state.json, which the Go agent writes too, decides what is proven: another agent may have deployed since, and
 * removing the file says that nothing is.
 */
export function liveRelease(
  { live }: Pick<Journal, 'live'>,
  lastGood: AgentConfig | undefined,
): Live | undefined {
  if (live !== undefined && (live.how !== 'proven' || live.config.hash === lastGood?.hash)) return live;
  return lastGood && { config: lastGood, how: 'proven', since: live?.since ?? UNKNOWN_TIME };
}

/** The journal of an agent that kept no record of what is live, with what can be concluded about it. */
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
  if (judged === true) return undefined; // An agent that keeps a record wrote it.
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

/** The proven releases after one more, the newest first. */
export function withProven(proven: readonly AgentConfig[], config: AgentConfig): readonly AgentConfig[] {
  return [config, ...proven.filter(({ hash }) => hash !== config.hash)].slice(0, MAX_PROVEN);
}

/**
 * What runs, as it is reported: while a release is being activated, what ran before. Undefined where that is not known, as while a
 * script runs in a rollback.
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
