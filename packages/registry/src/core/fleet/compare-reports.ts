import { isForward, isOutcome } from '@deploy-tools/shared/report/deploy-state.js';
import type { StateReport } from '@deploy-tools/shared/report/report.js';
import type { Follow } from './host-table.js';

/** Whether a report differs from the last one in more than its progress. */
export function isChange(before: StateReport | undefined, after: StateReport): boolean {
  return before === undefined || gist(before) !== gist(after);
}

/** The most that a trusted host's clock may be ahead of the registry's. */
const MAX_AHEAD_MS = 60_000;

/**
 * Whether a report is of an earlier attempt than the last report, by the host's clock. A last report from the future is ignored:
 * after a clock was ahead once, its reports must not look old for a long time.
 */
export function isBefore(report: StateReport, last: StateReport | undefined, now: Date): boolean {
  if (report.since === undefined || last?.since === undefined || report.deploy === last.deploy) return false;
  const lastSince = Date.parse(last.since);
  return lastSince <= now.getTime() + MAX_AHEAD_MS && Date.parse(report.since) < lastSince;
}

/**
 * Adds the error of the attempt's last report, which is also the reason for its rollback: an agent may omit it there. In states on
 * the way to `healthy` an earlier error is over.
 */
export function withEarlierError(report: StateReport, last: StateReport | undefined): StateReport {
  const isSame = report.deploy !== undefined && report.deploy === last?.deploy;
  if (!isSame || last.error === undefined || report.error !== undefined || isForward(report.state))
    return report;
  return { ...report, error: last.error };
}

/** The attempt and its state, for comparison; undefined when the attempt has no name. */
export function attemptAndState(report: StateReport | undefined): string | undefined {
  return report?.deploy === undefined ? undefined : `${report.deploy} ${report.state}`;
}

function gist({ progress: _progress, timings: _timings, bytes: _bytes, ...said }: StateReport): string {
  return JSON.stringify(said);
}

/**
 * Whether an unmarked report describes the present state; otherwise it is a repeated outcome, for the history only. An agent that
 * marks repeated outcomes is trusted. An outcome of another agent is compared by the host's clock until that agent has reported
 * its present state on the channel.
 * @param now by the registry's clock.
 */
export function saysPresent(report: StateReport, follow: Follow, now: Date): boolean {
  if (!isOutcome(report.state) || report.deploy === undefined) return true;
  return follow.presence?.marksAgain === true || follow.spoken || !isBefore(report, follow.report, now);
}
