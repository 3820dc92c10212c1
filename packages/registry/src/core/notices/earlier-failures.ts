import type { NamedHost, NoticeError } from '@deploy-tools/notices/notice.js';
import type { DeployRecord, Landing } from '../../meta/fleet-store.js';
import { commonError, failureEvent, MAX_NAMED, nameFailed, type RolloutFacts } from './rollout-facts.js';

/** The stored failures of a revision that another one has replaced. */
export interface EarlierFailures {
  readonly revision: number;
  /** The number of hosts whose last attempt at the revision failed. */
  readonly failed: number;
  readonly failure: RolloutFacts['failure'];
  readonly error: NoticeError | undefined;
  readonly named: readonly NamedHost[];
}

/**
 * @param landings of any revisions.
 * @param records failed attempts at any revisions, oldest first.
 */
export function earlierFailures(
  revision: number,
  landings: readonly Landing[],
  records: readonly DeployRecord[],
): EarlierFailures {
  const failed = landings.filter((landing) => landing.revision === revision && landing.state !== 'healthy');
  const last = new Map(
    records
      .filter(({ report }) => report.revision === revision)
      .map(({ host, report }) => [host, { host, report }]),
  );
  const reports = [...last.values()];
  return {
    revision,
    failed: failed.reduce((sum, { hosts }) => sum + hosts, 0),
    failure: failureEvent(failed.map(({ state }) => state)),
    error: commonError(reports.map(({ report }) => report)),
    named: reports.slice(0, MAX_NAMED).map(({ host, report }) => nameFailed(host, report)),
  };
}
