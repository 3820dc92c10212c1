import type { MetaReader } from '../../meta/meta-store.js';
import type { Follower } from './follower.js';

/** The number of hosts whose last attempt ended in a state, by state. */
export type Landed = Readonly<Record<string, number>>;

/** Outcomes by configuration hash: revisions with the same layers share their outcomes. */
export interface Landings {
  /** False where no host of the configuration has ever reported: its agents may not report at all. */
  readonly anyReports: boolean;
  /** Empty when no host is known to have deployed it. */
  readonly of: (hash: string) => Landed;
}

/** A host's last attempt at a content. */
export interface ContentAttempt {
  readonly host: string;
  /** Configuration hash; undefined where neither the report nor the history has it. */
  readonly content: string | undefined;
  readonly state: string;
}

/** Each host's last attempt at each content, oldest first, of the revisions from `fromRevision` on. */
export async function readAttempts(
  tx: MetaReader,
  name: string,
  fromRevision: number,
): Promise<ContentAttempt[]> {
  const attempts: ContentAttempt[] = [];
  for (const { host, revision, hash, state } of await tx.fleet.attempts(name, fromRevision)) {
    attempts.push({ host, content: hash ?? (await tx.revision(name, revision))?.hash, state });
  }
  return attempts;
}

/**
 * Counts attempts by content. A host whose report names a content as its last good one counts as healthy when no attempt at it is
 * stored any more.
 */
export function landingsOf(attempts: readonly ContentAttempt[], followers: readonly Follower[]): Landings {
  const byHash = new Map<string, Map<string, string>>();
  const hostsOf = (hash: string) => {
    const hosts = byHash.get(hash) ?? new Map<string, string>();
    byHash.set(hash, hosts);
    return hosts;
  };
  for (const { host, content, state } of attempts) {
    if (content !== undefined) hostsOf(content).set(host, state);
  }
  for (const { record, report } of followers) {
    if (report?.lastGood === undefined) continue;
    const hosts = hostsOf(report.lastGood.hash);
    if (!hosts.has(record.host)) hosts.set(record.host, 'healthy');
  }
  return {
    anyReports: attempts.length > 0 || followers.some(({ report }) => report !== undefined),
    of: (hash) => countStates(byHash.get(hash)?.values() ?? []),
  };
}

/** Whether a content landed healthy on a host, and failed on none. */
export function isProven(landed: Landed): boolean {
  return landed.healthy !== undefined && !hasFailed(landed);
}

export function hasFailed(landed: Landed): boolean {
  return Object.keys(landed).some((state) => state !== 'healthy');
}

/** `2 healthy, 1 rolled-back`; empty for nothing. */
export function landedText(landed: Landed): string {
  return Object.entries(landed)
    .map(([state, hosts]) => `${hosts} ${state}`)
    .join(', ');
}

function countStates(states: Iterable<string>): Landed {
  const counts: Record<string, number> = {};
  for (const state of [...states].sort()) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}
