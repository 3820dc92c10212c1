import type { DeployNotice } from '@deploy-tools/notices/notice.js';
import { judgeStreak } from '@deploy-tools/notices/streak.js';
import type { EarlierFailures, RolloutFacts } from './rollout-facts.js';
import { newRollout, type RolloutState } from './rollout-state.js';

/** The shortest time between two notices of newer numbers. */
export const EDIT_EVERY_MS = 5000;

export interface JudgedRollout {
  readonly state: RolloutState;
  /** To be sent in this order. */
  readonly notices: readonly DeployNotice[];
  /** Milliseconds until another notice may be due; undefined where only a change makes one due. */
  readonly recheckMs: number | undefined;
}

/** The state after a step, and the notice to send. */
interface Judged {
  readonly state: RolloutState;
  readonly notice: DeployNotice | undefined;
  readonly recheckMs?: number;
}

/**
 * Decides which notices of a rollout to send next: its start, each round of failures, its success, and newer numbers of these.
 * A round is one attempt of all hosts at a revision: 300 hosts that fail make one failure.
 * @param before the notices that were sent; undefined when there was none of the configuration.
 * @param earlier the stored failures of the revision of `before`, where `rollout` is of another revision.
 */
export function judgeRollout(
  rollout: Rollout,
  before: RolloutState | undefined,
  earlier?: EarlierFailures,
): JudgedRollout {
  const { facts } = rollout;
  if (before !== undefined && before.revision === facts.revision) {
    // Housekeeping may have deleted stored failures. Until all hosts are heard the count may be too low.
    const rounds = facts.heard ? Math.min(before.rounds, facts.rounds) : before.rounds;
    const { state, notice, recheckMs } = step(rollout, { ...before, rounds });
    return { state, notices: notice === undefined ? [] : [notice], recheckMs };
  }
  const left =
    before === undefined ? undefined : (replaced(rollout, before) ?? corrected(rollout, before, earlier));
  const { state, notice, recheckMs } = step(rollout, newRollout(facts.revision, before?.streak));
  return { state, notices: [left, notice].filter((sent) => sent !== undefined), recheckMs };
}

/** The state of a rollout that is older than the first notice: only later events are sent. */
export function adoptRollout(facts: RolloutFacts): RolloutState {
  return { ...newRollout(facts.revision, undefined), notified: 'succeeded', rounds: facts.rounds };
}

/** The present state of a rollout. */
export interface Rollout {
  readonly configuration: string;
  readonly facts: RolloutFacts;
  readonly now: Date;
}

function step(rollout: Rollout, state: RolloutState): Judged {
  const { facts } = rollout;
  if (facts.hosts === 0) return { state, notice: undefined };
  if (facts.failed > 0 && facts.rounds > state.rounds) return failure(rollout, state);
  if (facts.failed > 0 && state.notified === 'failed') return newerFailure(rollout, state);
  if (isDone(facts))
    return state.notified === 'succeeded' ? { state, notice: undefined } : success(rollout, state);
  if (state.notified === 'nothing' && facts.begun && facts.failed === 0) return start(rollout, state);
  return state.notified === 'started' ? newerStart(rollout, state) : { state, notice: undefined };
}

/** A host that failed and was lost since has not recovered. */
function isDone({ failed, failedAndGone, inSync, settled }: RolloutFacts): boolean {
  return settled && failed === 0 && failedAndGone === 0 && inSync > 0;
}

function start(rollout: Rollout, state: RolloutState): Judged {
  const notice = noticeOf(rollout, 'deploy-started', rollout.facts.inSync);
  return notify(rollout, { ...state, notified: 'started' }, notice);
}

function success(rollout: Rollout, state: RolloutState): Judged {
  const { facts } = rollout;
  const notice = { ...noticeOf(rollout, 'deploy-succeeded', facts.inSync), named: facts.named };
  const counted = withUnseenFailures(rollout, state);
  return notify(rollout, { ...counted, notified: 'succeeded', rounds: facts.rounds }, notice);
}

/** Counts failures that ended before a check saw them: no notice of them is sent. */
function withUnseenFailures(rollout: Rollout, state: RolloutState): RolloutState {
  const unseen = rollout.facts.rounds - state.rounds;
  if (unseen <= 0) return state;
  const { streak } = judgeStreak(state.streak, failureNotice(rollout, 'deploy-failed'), unseen);
  return streak === undefined ? state : { ...state, streak };
}

function failure(rollout: Rollout, state: RolloutState): Judged {
  const { facts } = rollout;
  const event = facts.failure ?? 'deploy-failed';
  const failures = facts.rounds - state.rounds;
  const after = {
    ...state,
    notified: 'failed',
    failure: event,
    rounds: facts.rounds,
    settled: facts.settled,
  } as const;
  return notify(rollout, after, { ...failureNotice(rollout, event), failures });
}

/** A notice with newer numbers of a failure; the final numbers once all hosts are done. */
function newerFailure(rollout: Rollout, state: RolloutState): Judged {
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
  return notify(rollout, { ...state, failure: event, settled: state.settled || isEnd }, notice);
}

function newerStart(rollout: Rollout, state: RolloutState): Judged {
  const { facts } = rollout;
  if (!facts.heard || (facts.inSync === state.done && facts.hosts === state.hosts)) {
    return { state, notice: undefined };
  }
  const waitMs = paceMs(rollout, state);
  if (waitMs > 0) return { state, notice: undefined, recheckMs: waitMs };
  return notify(rollout, state, {
    ...noticeOf(rollout, 'deploy-started', facts.inSync),
    edition: 'progress',
  });
}

/** The last notice of a rollout that was announced and replaced by another revision before its end. */
function replaced(rollout: Rollout, before: RolloutState): DeployNotice | undefined {
  if (before.notified !== 'started') return undefined;
  const { revision, done, hosts } = before;
  const notice = { ...noticeOf(rollout, 'deploy-started', done), revision, hosts };
  const { sent } = judgeStreak(before.streak, {
    ...notice,
    edition: 'progress',
    replacedBy: rollout.facts.revision,
  });
  return sent;
}

/** The last notice of an earlier revision's failure, where more hosts failed after the notice that was sent. */
function corrected(
  rollout: Rollout,
  before: RolloutState,
  earlier: EarlierFailures | undefined,
): DeployNotice | undefined {
  if (before.notified !== 'failed' || before.settled || before.revision !== earlier?.revision)
    return undefined;
  if (earlier.failed <= before.done) return undefined;
  const { revision, failed, failure, named, error } = earlier;
  const notice = {
    ...noticeOf(rollout, failure ?? before.failure ?? 'deploy-failed', failed),
    revision,
    hosts: Math.max(before.hosts, failed),
    named,
    ...(error === undefined ? {} : { error }),
  };
  return judgeStreak(before.streak, { ...notice, edition: 'final' }).sent;
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
  /** The number of failures that the notice stands for; absent for one failure, and for other events. */
  readonly failures?: number;
}

/** Applies the rule of streaks to a notice, and updates the state for it. */
function notify({ now }: Rollout, after: RolloutState, { failures, ...notice }: CountedNotice): Judged {
  const { streak, sent } = judgeStreak(after.streak, notice, failures);
  const { streak: _before, ...state } = after;
  const { done, hosts } = notice;
  const noted = { ...state, done, hosts, notifiedAt: now.toISOString() };
  return { state: streak === undefined ? noted : { ...noted, streak }, notice: sent };
}

function paceMs({ now }: Rollout, { notifiedAt }: RolloutState): number {
  const since = now.getTime() - Date.parse(notifiedAt);
  return since < 0 ? 0 : Math.max(0, EDIT_EVERY_MS - since); // the clock may have been set back
}
