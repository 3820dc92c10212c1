import { isForward, isOutcome } from '@deploy-tools/shared/report/deploy-state.js';
import type { StateReport } from '@deploy-tools/shared/report/report.js';
import type { Follow } from './host-table.js';

/** Whether it says anything new besides how far it is. */
export function isChange(before: StateReport | undefined, after: StateReport): boolean {
  return before === undefined || gist(before) !== gist(after);
}

/** How far ahead of the registry's clock a host's clock is believed. */
const MAX_AHEAD_MS = 60_000;

/**
 * Whether it tells of an attempt before the one that was told of last, by the host's clock. A time later than a minute
 * from now is not believed: a clock that was ahead once must not decide for as long as it was ahead.
 */
export function isBefore(report: StateReport, last: StateReport | undefined, now: Date): boolean {
  if (report.since === undefined || last?.since === undefined || report.deploy === last.deploy) return false;
  const lastSince = Date.parse(last.since);
  return lastSince <= now.getTime() + MAX_AHEAD_MS && Date.parse(report.since) < lastSince;
}

/**
 * What went wrong is the reason for going back too: an agent may leave it out there. On the way to `healthy` an error says what
 * keeps it from getting on now.
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
 * Whether a line that is not marked as told again says how things are now; otherwise it is an outcome told again, which
 * is history only. An agent that marks those is taken at its word: on one channel the order is the truth, and no clock
 * is asked. Of an agent that does not, an outcome may be either until it has said on its channel how things are; then,
 * and only then, Since decides, which is its host's clock.
 * @param now by the registry's clock.
 */
export function saysPresent(report: StateReport, follow: Follow, now: Date): boolean {
  if (!isOutcome(report.state) || report.deploy === undefined) return true;
  return follow.presence?.marksAgain === true || follow.spoken || !isBefore(report, follow.report, now);
}
