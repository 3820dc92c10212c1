import type { MetaReader } from '../../meta/meta-store.js';
import type { Follower } from './follower.js';

/** How many hosts' last attempt ended so, by state. */
export type Landed = Readonly<Record<string, number>>;

/** How configurations' contents landed, by configuration hash: a revision that repeats earlier layers shares their fate. */
export interface Landings {
  /** False where no host of the configuration has ever reported: agents may be of a kind that does not. */
  readonly anyReports: boolean;
  /** Empty when no host is known to have deployed it. */
  readonly of: (hash: string) => Landed;
}

/**
 * Each host's last attempt at each content; a host that says that a content is its last good one, and of which no
 * attempt at it is on record any more, counts as healthy.
 * @param fromRevision attempts at revisions before it are not looked at.
 */
export async function landingsOf(
  tx: MetaReader,
  name: string,
  fromRevision: number,
  followers: readonly Follower[],
): Promise<Landings> {
  const attempts = await tx.fleet.attempts(name, fromRevision);
  const byHash = new Map<string, Map<string, string>>();
  const hostsOf = (hash: string) => {
    const hosts = byHash.get(hash) ?? new Map<string, string>();
    byHash.set(hash, hosts);
    return hosts;
  };
  for (const { host, revision, hash, state } of attempts) {
    const content = hash ?? (await tx.revision(name, revision))?.hash;
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

/** Healthy on some host, and nowhere else than healthy. */
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
