import { DeployError } from '@deploy-tools/shared/errors.js';
import type { DeployState } from '@deploy-tools/shared/report/deploy-state.js';
import type { MetaStore, Revision } from '../../meta/meta-store.js';
import { assess, CATEGORIES, type Category } from './assess.js';
import type { Fleet } from './fleet.js';
import type { Follower } from './follower.js';

/** A follower and its status relative to the wanted revision. */
export interface HostStatus {
  readonly follower: Follower;
  readonly category: Category;
  /** Whether the host is expected not to change soon. */
  readonly settled: boolean;
  /** Whether the host is between two proven releases, or its last outcome is not stored yet. */
  readonly isChanging: boolean;
}

/** Sorts web2 before web10. */
const BY_NAME = new Intl.Collator('en', { numeric: true });

/** All hosts of a configuration, worst first. */
export interface FleetStatus {
  /** The wanted revision. */
  readonly head: Revision;
  readonly hosts: readonly HostStatus[];
}

export interface FleetStatusPorts {
  readonly meta: Pick<MetaStore, 'read'>;
  readonly fleet: Fleet;
}

/** @throws DeployError not-found. */
export async function fleetStatus({ meta, fleet }: FleetStatusPorts, name: string): Promise<FleetStatus> {
  const head = await meta.read((tx) => tx.head(name));
  if (head === undefined || head.layers.length === 0) {
    throw new DeployError('not-found', `configuration "${name}" not found`);
  }
  return { head, hosts: statusOf(fleet, fleet.followers(name), () => head.hash) };
}

/** States in which the running release is about to change, and not proven or not known. */
const CHANGING: ReadonlySet<DeployState> = new Set(['activating', 'validating', 'rolling-back']);

type FleetAge = Pick<Fleet, 'ageMs' | 'lostAfterMs'>;

/** @param wanted the hash of a configuration's head. */
export function statusOf(
  fleet: FleetAge,
  followers: readonly Follower[],
  wanted: (configuration: string) => string | undefined,
): HostStatus[] {
  return followers
    .map((follower) => hostStatus(fleet, follower, wanted(follower.configuration)))
    .sort(worstFirst);
}

function hostStatus(fleet: FleetAge, follower: Follower, wanted: string | undefined): HostStatus {
  const category = assess(follower, wanted);
  const { contact, isCurrent, isStored, report } = follower;
  const isGone = category === 'lost' || (contact === 'unheard' && fleet.ageMs > fleet.lostAfterMs);
  const isBetween = isCurrent && report !== undefined && CHANGING.has(report.state);
  const isChanging = !isGone && (isBetween || !isStored);
  const isDone = category === 'in-sync' || category === 'failed';
  return { follower, category, settled: isGone || (isDone && !isChanging), isChanging };
}

/** The number of hosts in each category. */
export function countByCategory(hosts: readonly HostStatus[]): Record<Category, number> {
  const counts: Record<Category, number> = { failed: 0, lost: 0, unknown: 0, pending: 0, 'in-sync': 0 };
  for (const { category } of hosts) counts[category] += 1;
  return counts;
}

/** By category, then by host, then by configuration. */
function worstFirst(a: HostStatus, b: HostStatus): number {
  return (
    CATEGORIES.indexOf(a.category) - CATEGORIES.indexOf(b.category) ||
    BY_NAME.compare(a.follower.record.host, b.follower.record.host) ||
    (a.follower.configuration < b.follower.configuration ? -1 : 1)
  );
}
