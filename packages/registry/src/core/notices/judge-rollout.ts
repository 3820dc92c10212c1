import type { DeployNotice } from '@deploy-tools/notices/notice.js';
import { judgeStreak } from '@deploy-tools/notices/streak.js';
import type { EarlierFailures } from './earlier-failures.js';
import type { RolloutFacts } from './rollout-facts.js';
import { newRollout, type RolloutState } from './rollout-state.js';

/** The least time between two tellings of newer numbers. */
export const EDIT_EVERY_MS = 5000;

export interface JudgedRollout {
  readonly state: RolloutState;
  /** In this order. */
  readonly notices: readonly DeployNotice[];
  /** After so many milliseconds there may be more to tell; undefined when something has to happen first. */
  readonly recheckMs: number | undefined;
}

/** A rollout of which somebody may have to be told. */
interface Told {
  readonly state: RolloutState;
  readonly notice: DeployNotice | undefined;
  readonly recheckMs?: number;
}

/**
 * What is to be told of a rollout after what was told of it: its start, each round of failures, its success, and newer
 * numbers of these. A round is what happens when hosts try a revision once: 300 hosts that fail, fail once.
 * @param before undefined when nothing of the configuration was ever told.
 * @param earlier what is on record of the failures of that, where it is of another revision.
 */
export function judgeRollout(
  rollout: Rollout,
  before: RolloutState | undefined,
  earlier?: EarlierFailures,
): JudgedRollout {
  const { facts } = rollout;
  if (before !== undefined && before.revision === facts.revision) {
    // What is on record may have become less by housekeeping, and only seem less until all hosts were heard.
    const rounds = facts.heard ? Math.min(before.rounds, facts.rounds) : before.rounds;
    const { state, notice, recheckMs } = step(rollout, { ...before, rounds });
    return { state, notices: notice === undefined ? [] : [notice], recheckMs };
  }
  const left =
    before === undefined ? undefined : (replaced(rollout, before) ?? corrected(rollout, before, earlier));
  const { state, notice, recheckMs } = step(rollout, newRollout(facts.revision, before?.streak));
  return { state, notices: [left, notice].filter((told) => told !== undefined), recheckMs };
}

/** A rollout that was there before anybody could be told of it: only what comes is told. */
export function adoptRollout(facts: RolloutFacts): RolloutState {
  return { ...newRollout(facts.revision, undefined), told: 'succeeded', rounds: facts.rounds };
}

/** A rollout as it is now. */
export interface Rollout {
  readonly configuration: string;
  readonly facts: RolloutFacts;
  readonly now: Date;
}

function step(rollout: Rollout, state: RolloutState): Told {
  const { facts } = rollout;
  if (facts.hosts === 0) return { state, notice: undefined };
  if (facts.failed > 0 && facts.rounds > state.rounds) return failure(rollout, state);
  if (facts.failed > 0 && state.told === 'failed') return newerFailure(rollout, state);
  if (isDone(facts))
    return state.told === 'succeeded' ? { state, notice: undefined } : success(rollout, state);
  if (state.told === 'nothing' && facts.begun && facts.failed === 0) return start(rollout, state);
  return state.told === 'started' ? newerStart(rollout, state) : { state, notice: undefined };
}

/** A host that failed and is gone has not recovered. */
function isDone({ failed, failedAndGone, inSync, settled }: RolloutFacts): boolean {
  return settled && failed === 0 && failedAndGone === 0 && inSync > 0;
}

function start(rollout: Rollout, state: RolloutState): Told {
  const notice = noticeOf(rollout, 'deploy-started', rollout.facts.inSync);
  return tell(rollout, { ...state, told: 'started' }, notice);
}

function success(rollout: Rollout, state: RolloutState): Told {
  const { facts } = rollout;
  const notice = { ...noticeOf(rollout, 'deploy-succeeded', facts.inSync), named: facts.named };
  const counted = withUnseenFailures(rollout, state);
  return tell(rollout, { ...counted, told: 'succeeded', rounds: facts.rounds }, notice);
}

/** Failures that were over before anybody looked are counted; it is too late to tell of them. */
function withUnseenFailures(rollout: Rollout, state: RolloutState): RolloutState {
  const unseen = rollout.facts.rounds - state.rounds;
  if (unseen <= 0) return state;
  const { streak } = judgeStreak(state.streak, failureNotice(rollout, 'deploy-failed'), unseen);
  return streak === undefined ? state : { ...state, streak };
}

function failure(rollout: Rollout, state: RolloutState): Told {
  const { facts } = rollout;
  const event = facts.failure ?? 'deploy-failed';
  const failures = facts.rounds - state.rounds;
  const after = {
    ...state,
    told: 'failed',
    failure: event,
    rounds: facts.rounds,
    settled: facts.settled,
  } as const;
  return tell(rollout, after, { ...failureNotice(rollout, event), failures });
}

/** Newer numbers of a failure, and once all hosts are done those that stay. */
function newerFailure(rollout: Rollout, state: RolloutState): Told {
  const { facts } = rollout;
  const event = facts.failure ?? state.failure ?? 'deploy-failed';
  const isNewer = facts.failed !== state.done || facts.hosts !== state.hosts || event !== state.failure;
  const isEnd = facts.settled && !state.settled;
  if (!isNewer && !isEnd) return { state, notice: undefined };
  if (!facts.heard) return { state, notice: undefined };
  const waitMs = isEnd ? 0 : paceMs(rollout, state);
  if (waitMs > 0) return { state, notice: undefined, recheckMs: waitMs };
  const notice = {
    ...failureNotice(rollout, event),
    edition: isEnd && isNewer ? 'final' : 'progress',
  } as const;
  return tell(rollout, { ...state, failure: event, settled: state.settled || isEnd }, notice);
}

function newerStart(rollout: Rollout, state: RolloutState): Told {
  const { facts } = rollout;
  if (!facts.heard || (facts.inSync === state.done && facts.hosts === state.hosts)) {
    return { state, notice: undefined };
  }
  const waitMs = paceMs(rollout, state);
  if (waitMs > 0) return { state, notice: undefined, recheckMs: waitMs };
  return tell(rollout, state, { ...noticeOf(rollout, 'deploy-started', facts.inSync), edition: 'progress' });
}

/** A start that was told and did not come to an end. */
function replaced(rollout: Rollout, before: RolloutState): DeployNotice | undefined {
  if (before.told !== 'started') return undefined;
  const { revision, done, hosts } = before;
  const notice = { ...noticeOf(rollout, 'deploy-started', done), revision, hosts };
  return judgeStreak(before.streak, { ...notice, edition: 'progress', replacedBy: rollout.facts.revision })
    .told;
}

/** A failure that was told of before all hosts were done, and more of them failed until another revision was wanted. */
function corrected(
  rollout: Rollout,
  before: RolloutState,
  earlier: EarlierFailures | undefined,
): DeployNotice | undefined {
  if (before.told !== 'failed' || before.settled || before.revision !== earlier?.revision) return undefined;
  if (earlier.failed <= before.done) return undefined;
  const { revision, failed, failure, named, error } = earlier;
  const notice = noticeOf(rollout, failure ?? before.failure ?? 'deploy-failed', failed);
  const facts = {
    revision,
    hosts: Math.max(before.hosts, failed),
    named,
    ...(error === undefined ? {} : { error }),
  };
  return judgeStreak(before.streak, { ...notice, ...facts, edition: 'final' }).told;
}

function failureNotice(rollout: Rollout, event: DeployNotice['event']): DeployNotice {
  const { failed, named, error, settled } = rollout.facts;
  return {
    ...noticeOf(rollout, event, failed),
    named,
    ...(error === undefined ? {} : { error }),
    ...(settled ? {} : { ongoing: true }),
  };
}

function noticeOf(
  { configuration, facts, now }: Rollout,
  event: DeployNotice['event'],
  done: number,
): DeployNotice {
  const { revision, hosts } = facts;
  return { event, time: now.toISOString(), configuration, revision, hosts, done, named: [] };
}

interface CountedNotice extends DeployNotice {
  /** How many failures the notice stands for; absent for one, or where it is about no failure. */
  readonly failures?: number;
}

/** Notes what is told, after what the streak rule makes of it. */
function tell({ now }: Rollout, after: RolloutState, { failures, ...notice }: CountedNotice): Told {
  const { streak, told } = judgeStreak(after.streak, notice, failures);
  const { streak: _before, ...state } = after;
  const { done, hosts } = notice;
  const noted = { ...state, done, hosts, toldAt: now.toISOString() };
  return { state: streak === undefined ? noted : { ...noted, streak }, notice: told };
}

function paceMs({ now }: Rollout, { toldAt }: RolloutState): number {
  const since = now.getTime() - Date.parse(toldAt);
  return since < 0 ? 0 : Math.max(0, EDIT_EVERY_MS - since); // the clock may have been set back
}
