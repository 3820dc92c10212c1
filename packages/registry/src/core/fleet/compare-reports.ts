import type { StateReport } from '@deploy-tools/shared/report/report.js';

/** Whether it says anything new besides how far it is. */
export function isChange(before: StateReport | undefined, after: StateReport): boolean {
  return before === undefined || gist(before) !== gist(after);
}

/** Whether it tells of an attempt before the one that was told of last. */
export function isBefore(report: StateReport, last: StateReport | undefined): boolean {
  if (report.since === undefined || last?.since === undefined) return false;
  return report.deploy !== last.deploy && report.since < last.since;
}

/** What went wrong is the reason for going back too: an agent may leave it out there. */
export function withEarlierError(report: StateReport, last: StateReport | undefined): StateReport {
  const isSame = report.deploy !== undefined && report.deploy === last?.deploy;
  if (!isSame || last.error === undefined || report.error !== undefined || report.state === 'healthy')
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
