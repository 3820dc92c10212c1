import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import type { DeployStep } from './deploy-step.js';
import type { Hold } from './hold.js';

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
  /** What ran before, and is gone back to; absent on a new host. */
  readonly before?: AgentConfig;
  /**
   * Set once the script was about to run for the release: the boot of the host in which it was unpacked. From then on
   * that directory is used again, for something may have been started from it.
   */
  readonly unpackedIn?: string;
  /** The script succeeded and the program was switched: the release runs, proven or not. */
  readonly activated?: true;
  /** It is a way back that somebody asked for, from a release that had not failed by itself. */
  readonly byHand?: true;
  /** What went wrong, or went wrong first. */
  readonly error?: { readonly kind: string; readonly message: string };
}

/** What an agent after this one, should it be killed, has to know. `state.json` holds the last good release. */
export interface Journal {
  /** The one in flight, or else the last one. */
  readonly attempt?: Attempt;
  readonly hold?: Hold;
  /** A script or hook that runs, as processIdentity names it; it may outlive an agent that is killed. */
  readonly script?: string;
  /** Of an agent before there were journals: a release that its script was run for. */
  readonly unpacked?: { readonly hash: string; readonly in: string };
}

/**
 * What runs according to the journal: the last good release until another was activated, and nothing that is known
 * after a way back that failed.
 */
export function runningRelease(
  { attempt }: Journal,
  lastGood: AgentConfig | undefined,
): AgentConfig | undefined {
  if (attempt === undefined) return lastGood;
  if (attempt.step === 'inconsistent') return undefined;
  if (attempt.step === 'rolled-back') return attempt.before ?? lastGood;
  return attempt.activated === true && attempt.step !== 'rolling-back' ? attempt.config : lastGood;
}

/** Whether what runs is the last good release, and nothing has to be done to make it so. */
export function isSettled({ attempt }: Journal): boolean {
  if (attempt === undefined) return true;
  if (attempt.step === 'inconsistent') return false;
  return attempt.step !== 'failed' || attempt.activated !== true;
}
