import { isOutcome } from '@deploy-tools/shared/report/deploy-state.js';
import type { StateReport } from '@deploy-tools/shared/report/report.js';
import { isBefore } from './compare-reports.js';
import type { Follow } from './host-table.js';

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
