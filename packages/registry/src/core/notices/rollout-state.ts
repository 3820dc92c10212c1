import type { DeployNotice } from '@deploy-tools/notices/notice.js';
import type { Streak } from '@deploy-tools/notices/streak.js';

/** What was told of the rollout of one revision. Plain data, kept as JSON. */
export interface RolloutState {
  readonly revision: number;
  readonly told: 'nothing' | 'started' | 'failed' | 'succeeded';
  /** The last failure's event. */
  readonly failure?: DeployNotice['event'];
  /** How many failures were counted: the most that one host had at this revision. */
  readonly rounds: number;
  /** The numbers that were told last. */
  readonly done: number;
  readonly hosts: number;
  /** Whether those of a failure were told as the last ones. */
  readonly settled: boolean;
  /** When anything was told last, RFC 3339 UTC; empty when nothing was. */
  readonly toldAt: string;
  /** Of the configuration, whatever its revision. */
  readonly streak?: Streak;
}

export function encodeRolloutState(state: RolloutState): string {
  return JSON.stringify(state);
}

/** What an earlier run wrote, which was {@link encodeRolloutState}. */
export function decodeRolloutState(text: string): RolloutState {
  return JSON.parse(text) as RolloutState;
}

/** Of a revision of which nothing was told yet. @param streak what goes on from the revision before. */
export function newRollout(revision: number, streak: Streak | undefined): RolloutState {
  const state = {
    revision,
    told: 'nothing',
    rounds: 0,
    done: 0,
    hosts: 0,
    settled: false,
    toldAt: '',
  } as const;
  return streak === undefined ? state : { ...state, streak };
}
