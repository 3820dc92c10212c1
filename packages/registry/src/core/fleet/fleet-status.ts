import { DeployError } from '@deploy-tools/shared/errors.js';
import type { Revision } from '../../meta/meta-store.js';
import type { Registry } from '../registry.js';
import { assess, CATEGORIES, type Category } from './assess.js';
import type { Follower } from './follower.js';

/** A follower and how it stands to what is wanted. */
export interface HostStatus {
  readonly follower: Follower;
  readonly category: Category;
  /** Whether nothing more is to be expected of it soon. */
  readonly settled: boolean;
}

/** web2 before web10. */
const BY_NAME = new Intl.Collator('en', { numeric: true });

/** All hosts of a configuration, worst first. */
export interface FleetStatus {
  /** What is wanted. */
  readonly head: Revision;
  readonly hosts: readonly HostStatus[];
}

/** @throws DeployError not-found. */
export async function fleetStatus(registry: Registry, name: string): Promise<FleetStatus> {
  const head = await registry.meta.read((tx) => tx.head(name));
  if (head === undefined || head.layers.length === 0) {
    throw new DeployError('not-found', `configuration "${name}" not found`);
  }
  return { head, hosts: statusOf(registry, registry.fleet.followers(name), () => head.hash) };
}

/** @param wanted the hash of a configuration's head. */
export function statusOf(
  registry: Registry,
  followers: readonly Follower[],
  wanted: (configuration: string) => string | undefined,
): HostStatus[] {
  const { fleet } = registry;
  return followers
    .map((follower) => {
      const category = assess(follower, wanted(follower.configuration));
      const isGone =
        category === 'lost' || (follower.contact === 'unheard' && fleet.ageMs > fleet.lostAfterMs);
      return { follower, category, settled: isGone || category === 'in-sync' || category === 'failed' };
    })
    .sort(worstFirst);
}

/** How many hosts are in each category. */
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
