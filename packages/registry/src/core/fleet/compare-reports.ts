import { isForward, isOutcome } from '@deploy-tools/shared/report/deploy-state.js';
import type { StateReport } from '@deploy-tools/shared/report/report.js';
import type { Follow } from './host-table.js';

/** Whether a report differs from the last one in more than its progress. */
export function isChange(before: StateReport | undefined, after: StateReport): boolean {
  return before === undefined || gist(before) !== gist(after);
}

/** The most that a host's clock may be ahead of the registry's to be believed. */
const MAX_AHEAD_MS = 60_000;

/**
 * Whether a report is about an attempt before that of the last report, by the host's clock. A time later than a minute
 * from now is not believed: a clock that was ahead once must not decide for as long as it was ahead.
 */
export function isBefore(report: StateReport, last: StateReport | undefined, now: Date): boolean {
  if (report.since === undefined || last?.since === undefined || report.deploy === last.deploy) return false;
  const lastSince = Date.parse(last.since);
  return lastSince <= now.getTime() + MAX_AHEAD_MS && Date.parse(report.since) < lastSince;
}

/**
 * Adds the error of the last report of the same attempt: it is also the reason for a rollback, and an agent may leave it out
 * there. On the way to `healthy` an error is about the present only.
 */
export function withEarlierError(report: StateReport, last: StateReport | undefined): StateReport {
  const isSame = report.deploy !== undefined && report.deploy === last?.deploy;
  if (!isSame || last.error === undefined || report.error !== undefined || isForward(report.state))
    return report;
  return { ...report, error: last.error };
}

/** The attempt and its state, for comparison; undefined where the attempt has no name. */
export function attemptAndState(report: StateReport | undefined): string | undefined {
  return report?.deploy === undefined ? undefined : `${report.deploy} ${report.state}`;
}

function gist({ progress: _progress, timings: _timings, bytes: _bytes, ...said }: StateReport): string {
  return JSON.stringify(said);
}

/**
 * Whether a report that is not marked as repeated describes the present; otherwise it is a repeated outcome, for the history
 * only. An agent that marks those is believed: on one channel the order of reports is certain, and no clock is needed. An
 * outcome of an agent that does not mark them may be either, until the agent has reported the present state on its channel;
 * only then its field `since` decides, which is by the host's clock.
 * @param now by the registry's clock.
 */
export function saysPresent(report: StateReport, follow: Follow, now: Date): boolean {
  if (!isOutcome(report.state) || report.deploy === undefined) return true;
  return follow.presence?.marksAgain === true || follow.spoken || !isBefore(report, follow.report, now);
}
