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
  configuration: string,
  before: RolloutState | undefined,
  facts: RolloutFacts,
  now: Date,
  earlier?: EarlierFailures,
): JudgedRollout {
  const teller = { configuration, facts, now };
  if (before !== undefined && before.revision === facts.revision) {
    // What is on record may have become less by housekeeping, and only seem less until all hosts were heard.
    const rounds = facts.heard ? Math.min(before.rounds, facts.rounds) : before.rounds;
    const { state, notice, recheckMs } = step(teller, { ...before, rounds });
    return { state, notices: notice === undefined ? [] : [notice], recheckMs };
  }
  const left =
    before === undefined ? undefined : (replaced(teller, before) ?? corrected(teller, before, earlier));
  const { state, notice, recheckMs } = step(teller, newRollout(facts.revision, before?.streak));
  return { state, notices: [left, notice].filter((told) => told !== undefined), recheckMs };
}

/** A rollout that was there before anybody could be told of it: only what comes is told. */
export function adoptRollout(facts: RolloutFacts): RolloutState {
  return { ...newRollout(facts.revision, undefined), told: 'succeeded', rounds: facts.rounds };
}

interface Teller {
  readonly configuration: string;
  readonly facts: RolloutFacts;
  readonly now: Date;
}

function step(teller: Teller, state: RolloutState): Told {
  const { facts } = teller;
  if (facts.hosts === 0) return { state, notice: undefined };
  if (facts.failed > 0 && facts.rounds > state.rounds) return failure(teller, state);
  if (facts.failed > 0 && state.told === 'failed') return newerFailure(teller, state);
  if (isDone(facts))
    return state.told === 'succeeded' ? { state, notice: undefined } : success(teller, state);
  if (state.told === 'nothing' && facts.begun && facts.failed === 0) return start(teller, state);
  return state.told === 'started' ? newerStart(teller, state) : { state, notice: undefined };
}

/** A host that failed and is gone has not recovered. */
function isDone({ failed, failedAndGone, inSync, settled }: RolloutFacts): boolean {
  return settled && failed === 0 && failedAndGone === 0 && inSync > 0;
}

function start(teller: Teller, state: RolloutState): Told {
  const notice = noticeOf(teller, 'deploy-started', teller.facts.inSync);
  return tell(teller, { ...state, told: 'started' }, notice);
}

function success(teller: Teller, state: RolloutState): Told {
  const { facts } = teller;
  const notice = { ...noticeOf(teller, 'deploy-succeeded', facts.inSync), named: facts.named };
  const counted = withUnseenFailures(teller, state);
  return tell(teller, { ...counted, told: 'succeeded', rounds: facts.rounds }, notice);
}

/** Failures that were over before anybody looked are counted; it is too late to tell of them. */
function withUnseenFailures(teller: Teller, state: RolloutState): RolloutState {
  const unseen = teller.facts.rounds - state.rounds;
  if (unseen <= 0) return state;
  const { streak } = judgeStreak(state.streak, failureNotice(teller, 'deploy-failed'), unseen);
  return streak === undefined ? state : { ...state, streak };
}

function failure(teller: Teller, state: RolloutState): Told {
  const { facts } = teller;
  const event = facts.failure ?? 'deploy-failed';
  const failures = facts.rounds - state.rounds;
  const after = {
    ...state,
    told: 'failed',
    failure: event,
    rounds: facts.rounds,
    settled: facts.settled,
  } as const;
  return tell(teller, after, failureNotice(teller, event), failures);
}

/** Newer numbers of a failure, and once all hosts are done those that stay. */
function newerFailure(teller: Teller, state: RolloutState): Told {
  const { facts } = teller;
  const event = facts.failure ?? state.failure ?? 'deploy-failed';
  const isNewer = facts.failed !== state.done || facts.hosts !== state.hosts || event !== state.failure;
  const isEnd = facts.settled && !state.settled;
  if (!isNewer && !isEnd) return { state, notice: undefined };
  if (!facts.heard) return { state, notice: undefined };
  const waitMs = isEnd ? 0 : paceMs(teller, state);
  if (waitMs > 0) return { state, notice: undefined, recheckMs: waitMs };
  const notice = {
    ...failureNotice(teller, event),
    edition: isEnd && isNewer ? 'final' : 'progress',
  } as const;
  return tell(teller, { ...state, failure: event, settled: state.settled || isEnd }, notice);
}

function newerStart(teller: Teller, state: RolloutState): Told {
  const { facts } = teller;
  if (!facts.heard || (facts.inSync === state.done && facts.hosts === state.hosts)) {
    return { state, notice: undefined };
  }
  const waitMs = paceMs(teller, state);
  if (waitMs > 0) return { state, notice: undefined, recheckMs: waitMs };
  return tell(teller, state, { ...noticeOf(teller, 'deploy-started', facts.inSync), edition: 'progress' });
}

/** A start that was told and did not come to an end. */
function replaced(teller: Teller, before: RolloutState): DeployNotice | undefined {
  if (before.told !== 'started') return undefined;
  const { revision, done, hosts } = before;
  const notice = { ...noticeOf(teller, 'deploy-started', done), revision, hosts };
  return judgeStreak(before.streak, { ...notice, edition: 'progress', replacedBy: teller.facts.revision })
    .told;
}

/** A failure that was told of before all hosts were done, and more of them failed until another revision was wanted. */
function corrected(
  teller: Teller,
  before: RolloutState,
  earlier: EarlierFailures | undefined,
): DeployNotice | undefined {
  if (before.told !== 'failed' || before.settled || before.revision !== earlier?.revision) return undefined;
  if (earlier.failed <= before.done) return undefined;
  const { revision, failed, failure, named, error } = earlier;
  const notice = noticeOf(teller, failure ?? before.failure ?? 'deploy-failed', failed);
  const facts = {
    revision,
    hosts: Math.max(before.hosts, failed),
    named,
    ...(error === undefined ? {} : { error }),
  };
  return judgeStreak(before.streak, { ...notice, ...facts, edition: 'final' }).told;
}

function failureNotice(teller: Teller, event: DeployNotice['event']): DeployNotice {
  const { failed, named, error, settled } = teller.facts;
  return {
    ...noticeOf(teller, event, failed),
    named,
    ...(error === undefined ? {} : { error }),
    ...(settled ? {} : { ongoing: true }),
  };
}

function noticeOf(
  { configuration, facts, now }: Teller,
  event: DeployNotice['event'],
  done: number,
): DeployNotice {
  const { revision, hosts } = facts;
  return { event, time: now.toISOString(), configuration, revision, hosts, done, named: [] };
}

/** Notes what is told, after what the streak rule makes of it. */
function tell({ now }: Teller, after: RolloutState, notice: DeployNotice, failures = 1): Told {
  const { streak, told } = judgeStreak(after.streak, notice, failures);
  const { streak: _before, ...state } = after;
  const { done, hosts } = notice;
  const noted = { ...state, done, hosts, toldAt: now.toISOString() };
  return { state: streak === undefined ? noted : { ...noted, streak }, notice: told };
}

function paceMs({ now }: Teller, { toldAt }: RolloutState): number {
  const since = now.getTime() - Date.parse(toldAt);
  return since < 0 ? 0 : Math.max(0, EDIT_EVERY_MS - since); // the clock may have been set back
}
